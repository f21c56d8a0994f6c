"""The strangers' packages, in a directory of their own: fetched by apt, unpacked, nothing installed."""
import pathlib
import shutil
import subprocess

BINARIES = """python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libpython3.11-testsuite
    python3-tornado python3-pycurl libwww-perl libclone-perl libencode-locale-perl libtimedate-perl
    libhttp-date-perl libfile-listing-perl libregexp-ipv6-perl liburi-perl libhtml-parser-perl
    libhtml-tagset-perl libhtml-tree-perl libio-html-perl liblwp-mediatypes-perl libhttp-message-perl
    libhttp-cookies-perl libhttp-daemon-perl libhttp-negotiate-perl libnet-ssleay-perl perl-openssl-defaults
    libio-socket-ssl-perl libnet-http-perl libtry-tiny-perl libwww-robotrules-perl
    liblwp-protocol-https-perl libtest-fatal-perl libtest-needs-perl libtest-requiresinternet-perl""".split()
SOURCES = """perl libwww-perl libhttp-daemon-perl libnet-http-perl libmojolicious-perl libuv1""".split()
TOOLS = {"apt-get": "apt", "dpkg-source": "dpkg-dev", "cmake": "cmake", "perl": "perl", "make": "make",
         "cc": "gcc"}
SOURCE_LIST = """Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


class Cache:
    """@root: unpacked packages; source(): an unpacked source package."""

    def __init__(self, path):
        self.path = pathlib.Path(path).resolve()
        self.root = self.path / "root"

    def source(self, package):
        found = [path for path in (self.path / "src").glob(f"{package}-[0-9]*") if path.is_dir()]
        return found[0] if found else self.path / "src" / package

    def missing(self):
        """What is not there, one a line."""
        for tool, package in TOOLS.items():
            if not shutil.which(tool):
                yield f"{tool} (install {package})"
        if not (self.root / "usr/lib/python3.11/test/test_socket.py").exists():
            yield "libpython3.11-testsuite (--fetch gets it)"
        for package in SOURCES:
            if not self.source(package).is_dir():
                yield f"the source of {package} (--fetch gets it)"

    def fetch(self):
        for name in ("debs", "src", "apt/lists/partial"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-q", "download", *BINARIES], cwd=self.path / "debs", check=True)
        for package in sorted((self.path / "debs").glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(package), str(self.root)], check=True)
        (self.path / "apt" / "debian.sources").write_text(SOURCE_LIST)
        apt = ["apt-get", "-q", "-o", "Dir::Etc::sourcelist=/dev/null",
               "-o", f"Dir::Etc::sourceparts={self.path}/apt",
               "-o", f"Dir::State::lists={self.path}/apt/lists"]
        subprocess.run([*apt, "update"], check=True)
        for package in SOURCES:
            if not self.source(package).is_dir():
                subprocess.run([*apt, "source", package], cwd=self.path / "src", check=True)
        perl = self.source("perl")
        shutil.copy(perl / "t" / "test.pl", perl / "dist" / "IO" / "t")  # where Perl's own build has it
