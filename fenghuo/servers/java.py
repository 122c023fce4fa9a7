"""What Kafka without Docker needs: a recent java, and Kafka's jars, which Maven copies once."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from fenghuo.servers.errors import ServerFailed, ServerMissing

POM = Path(__file__).with_name("kafka-pom.xml")
OLDEST_JAVA = 17
INSTALL = (
    "install openjdk-17-jre-headless and maven (Debian: apt-get install openjdk-17-jre-headless maven), "
    "or give the address of a Kafka that runs already"
)
MAVEN_WAIT_S = 600.0


def find_java() -> str:
    """The java on PATH. Raises ServerMissing if there is none or it is older than 17."""
    java = shutil.which("java")
    if java is None:
        raise ServerMissing(f"Kafka needs java, and none is on PATH: {INSTALL}")
    major, output = _major_version(java)
    if major is None:
        raise ServerMissing(f"{java} says no version ({output[:80]!r}): {INSTALL}")
    if major < OLDEST_JAVA:
        raise ServerMissing(f"Kafka needs Java {OLDEST_JAVA} or newer, and {java} is Java {major}: {INSTALL}")
    return str(Path(java).absolute())


def kafka_version() -> str:
    """The version that kafka-pom.xml names."""
    return ElementTree.parse(POM).findtext("properties/kafka.version", "unknown")  # noqa: S314 (our own file)


def kafka_jars() -> Path:
    """The folder of Kafka's jars in the user's cache; at the first call Maven downloads them (44 MB).

    Safe for concurrent calls. Raises ServerMissing (no mvn on PATH) or ServerFailed (Maven could not).
    """
    cache = _cache_home() / "fenghuo"
    jars = cache / f"kafka-{kafka_version()}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerMissing(f"Kafka's jars are not in {jars}, and no mvn is on PATH to fetch them: {INSTALL}")
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / f"{jars.name}.lock"):
        if not jars.is_dir():
            _fill(jars, str(Path(maven).absolute()))
    return jars


def _major_version(java: str) -> tuple[int | None, str]:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return None, str(error)
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)  # "1.8.0_392" is Java 8, "17.0.15" is 17
    return (int(found[1]) if found else None), answer.stderr


def _fill(jars: Path, maven: str) -> None:
    """Atomic: copied to a folder beside it, then renamed."""
    with tempfile.TemporaryDirectory(prefix=f"{jars.name}.", dir=jars.parent) as part:
        copied = Path(part) / "jars"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={copied}"]
        command = [maven, "-q", "-B", "-f", str(POM), *goal]
        try:
            answer = subprocess.run(
                command, capture_output=True, text=True, timeout=MAVEN_WAIT_S, check=False
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ServerFailed(f"Maven could not fetch Kafka's jars: {error}") from error
        if answer.returncode or not any(copied.glob("kafka_*.jar")):
            output = "\n".join((answer.stdout + answer.stderr).splitlines()[-15:])
            raise ServerFailed(
                f"Maven could not fetch Kafka's jars (is the network there?); it ends with:\n{output}"
            )
        copied.rename(jars)


def _cache_home() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"


@contextmanager
def _locked(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
