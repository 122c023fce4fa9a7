"""Why a request never left, in words that a person can act on.

Nothing of an exception's own text is used, since aiohttp's texts hold the URL.
"""

import ssl

import aiohttp

from broadcast.channels.base import SendResult, SendStatus
from broadcast.channels.http.address_guard import PrivateAddress

_CERTIFICATE_PROBLEMS = {
    9: "the server's certificate is not valid yet, or this machine's clock is wrong",
    10: "the server's certificate has expired",
    62: "the server's certificate is for another name",
    64: "the server's certificate is for another address",
}
"""By OpenSSL's X509_V_ERR code."""
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})
"""OpenSSL's reasons when the server answers a handshake with something else."""


def never_left(error: Exception, *, proxied: bool) -> SendResult:
    """The outcome of a request, ``proxied`` or direct, that failed with ``error`` before anything of it was
    written."""
    chain = _chain(error)
    if any(isinstance(each, PrivateAddress) for each in chain):
        return SendResult(SendStatus.REFUSED, "the target is a private address")
    if isinstance(error, aiohttp.InvalidURL):
        return SendResult(SendStatus.REFUSED, "the target is no address")
    return SendResult(SendStatus.RETRY, _reason(error, chain, proxied=proxied))


def _reason(error: Exception, chain: list[BaseException], *, proxied: bool) -> str:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"{'the proxy' if proxied else 'the target'}'s name was not found"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused the request: HTTP {error.status}"
    causes = [each for each in chain if not isinstance(each, aiohttp.ClientError)]
    for each in causes:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _certificate_problem(each.verify_code)
        if isinstance(each, ssl.SSLError):
            return _tls_problem(getattr(each, "reason", None))
    where = " to the proxy" if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
    return f"no connection{where}: {_kind(causes or chain)}"


def _certificate_problem(code: int) -> str:
    if code in _UNKNOWN_ISSUER:
        return "the issuer of the server's certificate is not trusted (see FENGHUO_CA_FILE)"
    return _CERTIFICATE_PROBLEMS.get(
        code, f"the server's certificate is not accepted (OpenSSL's code {code})"
    )


def _tls_problem(reason: str | None) -> str:
    if reason in NO_TLS:
        return "the server does not speak TLS"
    failed = "the TLS handshake failed"
    return f"{failed}: {reason.lower().replace('_', ' ')}" if reason else failed


def _kind(chain: list[BaseException]) -> str:
    """The most telling class of the chain: the timeout or the operating system's error at its root."""
    kinds = [each for each in chain if isinstance(each, OSError)]
    return type(kinds[-1] if kinds else chain[0]).__name__


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    return chain
