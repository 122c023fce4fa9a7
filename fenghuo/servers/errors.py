"""The errors of starting a server; a person must act on each, and its text says how."""

from fenghuo.errors import Refused


class ServerMissing(Refused):
    """A program that the server needs is not installed; the text says what to install."""


class ServerFailed(Refused):
    """The server did not start or does not answer; the text ends with the tail of its log."""
