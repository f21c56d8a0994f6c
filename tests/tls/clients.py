"""The clients to be tried: how each gets a URL to its standard output, and posts a file.

In the commands @url@, @urls@, @file@, @ca@, @host@, @port@ and @path@ stand for what they say. A client is left
out if its program, or what it needs besides, is not there.
"""
import dataclasses
import shutil
import subprocess

PYTHON = "/usr/bin/python3"

URLLIB = """
import sys, ssl, urllib.request
context = ssl.create_default_context(cafile="@ca@")
for url in sys.argv[2:]:
    body = open(sys.argv[1], "rb").read() if sys.argv[1] else None
    sys.stdout.buffer.write(urllib.request.urlopen(urllib.request.Request(url, data=body), context=context).read())
"""
HTTP_CLIENT = """
import sys, ssl, http.client
connection = http.client.HTTPSConnection("@host@", @port@, context=ssl.create_default_context(cafile="@ca@"))
for path in sys.argv[1:]:
    connection.request("GET", path)
    sys.stdout.buffer.write(connection.getresponse().read())
"""
ASYNCIO = """
import sys, ssl, asyncio
async def get(context, path):
    reader, writer = await asyncio.open_connection("@host@", @port@, ssl=context, server_hostname="localhost")
    writer.write(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.split(b"\\r\\n\\r\\n", 1)[1]
async def main():
    context = ssl.create_default_context(cafile="@ca@")
    for body in await asyncio.gather(*(get(context, path) for path in sys.argv[1:])):
        sys.stdout.buffer.write(body)
asyncio.run(main())
"""
REQUESTS = """
import sys, requests
session = requests.Session()
for url in sys.argv[2:]:
    answer = session.post(url, data=open(sys.argv[1], "rb"), verify="@ca@") if sys.argv[1] else session.get(url, verify="@ca@")
    sys.stdout.buffer.write(answer.content)
"""
HTTPX = REQUESTS.replace("import sys, requests\nsession = requests.Session()",
                         "import sys, httpx\nsession = httpx.Client(verify='@ca@')") \
    .replace(', verify="@ca@")', ")").replace("data=open", "content=open")
AIOHTTP = """
import sys, ssl, asyncio, aiohttp
async def main():
    context = ssl.create_default_context(cafile="@ca@")
    async with aiohttp.ClientSession() as session:
        for url in sys.argv[2:]:
            call = session.post(url, data=open(sys.argv[1], "rb"), ssl=context) if sys.argv[1] else session.get(url, ssl=context)
            async with call as answer:
                sys.stdout.buffer.write(await answer.read())
asyncio.run(main())
"""
CTYPES = """
import ctypes, socket, sys
ssl = ctypes.CDLL("libssl.so.3")
V = ctypes.c_void_p
for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(ssl, name).restype = V
session = V(ssl.SSL_new(V(ssl.SSL_CTX_new(V(ssl.TLS_client_method())))))
sock = socket.create_connection(("127.0.0.1", @port@))
assert ssl.SSL_set_fd(session, sock.fileno()) == 1 and ssl.SSL_connect(session) == 1
request = f"GET {sys.argv[1]} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n".encode()
assert ssl.SSL_write(session, request, len(request)) == len(request)
answer, room = b"", ctypes.create_string_buffer(65536)
while (count := ssl.SSL_read(session, room, 65536)) > 0:
    answer += room.raw[:count]
sys.stdout.buffer.write(answer.split(b"\\r\\n\\r\\n", 1)[1])
ssl.SSL_free(session)
"""
RUBY = """
require "net/http"
file, *urls = ARGV
http = nil
urls.each do |url|
  uri = URI(url)
  http ||= Net::HTTP.start(uri.host, uri.port, use_ssl: true, ca_file: "@ca@")
  request = file.empty? ? Net::HTTP::Get.new(uri) : Net::HTTP::Post.new(uri)
  request.body = File.binread(file) unless file.empty?
  $stdout.binmode.write(http.request(request).body)
end
http.finish
"""
PHP_STREAMS = """
$file = $argv[1];
foreach (array_slice($argv, 2) as $url) {
    $http = $file ? ["method" => "POST", "content" => file_get_contents($file),
                     "header" => "Content-Type: application/octet-stream"] : ["method" => "GET"];
    fwrite(STDOUT, file_get_contents($url, false, stream_context_create(["http" => $http, "ssl" => ["cafile" => "@ca@"]])));
}
"""
PHP_CURL = """
$file = $argv[1];
$c = curl_init();
foreach (array_slice($argv, 2) as $url) {
    curl_setopt_array($c, [CURLOPT_URL => $url, CURLOPT_CAINFO => "@ca@", CURLOPT_RETURNTRANSFER => true]);
    if ($file) curl_setopt_array($c, [CURLOPT_POSTFIELDS => file_get_contents($file), CURLOPT_HTTPHEADER => ["Expect:"]]);
    fwrite(STDOUT, curl_exec($c));
}
"""
PHP_MULTI = """
$m = curl_multi_init();
$all = [];
foreach (array_slice($argv, 2) as $url) {
    $c = curl_init();
    curl_setopt_array($c, [CURLOPT_URL => $url, CURLOPT_CAINFO => "@ca@", CURLOPT_RETURNTRANSFER => true]);
    curl_multi_add_handle($m, $c);
    $all[] = $c;
}
do { curl_multi_exec($m, $running); if ($running) curl_multi_select($m); } while ($running);
foreach ($all as $c) fwrite(STDOUT, curl_multi_getcontent($c));
"""
LWP = """
use LWP::UserAgent;
my ($file, @urls) = @ARGV;
binmode STDOUT;
my $agent = LWP::UserAgent->new(keep_alive => 1, ssl_opts => {SSL_ca_file => "@ca@"});
for my $url (@urls) {
    my $answer = $file ? $agent->post($url, Content => do { local (@ARGV, $/) = $file; <> }) : $agent->get($url);
    print $answer->content;
}
"""
LUA = """
local https = require("ssl.https")
local body = arg[1] ~= "" and io.open(arg[1], "rb"):read("a") or nil
for i = 2, #arg do io.write((https.request(arg[i], body))) end
"""
S_CLIENT = r"""printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" |
openssl s_client -quiet -verify_quiet -connect @host@:@port@ -CAfile @ca@ 2>/dev/null; printf END"""
NODE = """
const https = require("https"), fs = require("fs");
const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca: fs.readFileSync("@ca@")});
const [file, ...urls] = process.argv.slice(1);
(function next() {
    if (!urls.length) return agent.destroy();
    const request = https.request(urls.shift(), {agent, method: file ? "POST" : "GET"}, answer => {
        answer.on("data", bytes => fs.writeSync(1, bytes)).on("end", next);
    });
    request.end(file ? fs.readFileSync(file) : undefined);
})();
"""
JAVA = """
import java.net.*; import java.io.*;
public class Get { public static void main(String[] a) throws Exception {
    for (int i = 1; i < a.length; i++) try (InputStream in = new URL(a[i]).openStream()) { in.transferTo(System.out); }
    System.out.flush();
} }
"""


@dataclasses.dataclass
class Client:
    name: str
    get: list               # gets @url@, and all of @urls@ by one process where it stands there
    post: list = None       # None: not tried
    needs: list = None      # a command that must succeed
    env: dict = dataclasses.field(default_factory=dict)
    keeps_alive: bool = False
    is_opaque: bool = False  # carries its own TLS: the connection is recorded, nothing more
    body_behind_head: bool = False  # standard output begins with the head
    size_max: int = 1 << 40

    def is_there(self):
        program = self.get[0]
        if not shutil.which(program):
            return False
        if self.needs and not shutil.which(self.needs[0]):
            return False
        return not self.needs or subprocess.run(self.needs, capture_output=True, check=False).returncode == 0


def python_client(name, script, module=None, **more):
    return Client(name, [PYTHON, "-c", script, "", "@urls@"],
                  post=more.pop("post", [PYTHON, "-c", script, "@file@", "@url@"]),
                  needs=[PYTHON, "-c", f"import {module}"] if module else None, **more)


def clients(programs):
    """@programs: the folder of what was compiled for this."""
    return [
        Client("curl", ["curl", "-sS", "--cacert", "@ca@", "@urls@"],
               ["curl", "-sS", "--cacert", "@ca@", "-H", "Expect:", "--data-binary", "@@file@", "@url@"], keeps_alive=True),
        Client("curl -Z (multi)", ["curl", "-sSZ", "--no-progress-meter", "--cacert", "@ca@", "@url@"],
               ["curl", "-sSZ", "--no-progress-meter", "--cacert", "@ca@", "-H", "Expect:", "--data-binary", "@@file@", "@url@"]),
        Client("libcurl (OpenSSL), easy", [f"{programs}/curl_openssl", "easy", "@ca@", "", "@urls@"],
               [f"{programs}/curl_openssl", "easy", "@ca@", "@file@", "@url@"], keeps_alive=True),
        Client("libcurl (OpenSSL), multi", [f"{programs}/curl_openssl", "multi", "@ca@", "", "@urls@"],
               [f"{programs}/curl_openssl", "multi", "@ca@", "@file@", "@url@"]),
        Client("libcurl (GnuTLS), easy", [f"{programs}/curl_gnutls", "easy", "@ca@", "", "@urls@"],
               [f"{programs}/curl_gnutls", "easy", "@ca@", "@file@", "@url@"], keeps_alive=True),
        Client("libcurl (GnuTLS), multi", [f"{programs}/curl_gnutls", "multi", "@ca@", "", "@urls@"],
               [f"{programs}/curl_gnutls", "multi", "@ca@", "@file@", "@url@"]),
        Client("wget", ["wget", "-qO-", "--ca-certificate=@ca@", "@urls@"],
               ["wget", "-qO-", "--ca-certificate=@ca@", "--post-file=@file@", "@url@"], keeps_alive=True),
        Client("git (ls-remote)", ["git", "ls-remote", "@git_url@"], env={"GIT_SSL_CAINFO": "@ca@"}),
        python_client("python urllib", URLLIB),
        Client("python http.client", [PYTHON, "-c", HTTP_CLIENT, "@paths@"], keeps_alive=True),
        Client("python asyncio", [PYTHON, "-c", ASYNCIO, "@paths@"]),
        Client("python ctypes", [PYTHON, "-c", CTYPES, "@path@"]),
        python_client("python requests", REQUESTS, "requests", keeps_alive=True),
        python_client("python httpx", HTTPX, "httpx", keeps_alive=True),
        python_client("python aiohttp", AIOHTTP, "aiohttp", keeps_alive=True),
        Client("ruby net/http", ["ruby", "-e", RUBY, "", "@urls@"], ["ruby", "-e", RUBY, "@file@", "@url@"], keeps_alive=True),
        Client("php streams", ["php", "-r", PHP_STREAMS, "--", "", "@urls@"], ["php", "-r", PHP_STREAMS, "--", "@file@", "@url@"],
               needs=["php", "-r", "exit(extension_loaded('openssl') ? 0 : 1);"]),
        Client("php curl", ["php", "-d", "memory_limit=-1", "-r", PHP_CURL, "--", "", "@urls@"],
               ["php", "-d", "memory_limit=-1", "-r", PHP_CURL, "--", "@file@", "@url@"],
               needs=["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"], keeps_alive=True),
        Client("php curl_multi", ["php", "-d", "memory_limit=-1", "-r", PHP_MULTI, "--", "", "@urls@"],
               needs=["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"]),
        Client("perl LWP", ["perl", "-e", LWP, "", "@urls@"], ["perl", "-e", LWP, "@file@", "@url@"],
               needs=["perl", "-MLWP::UserAgent", "-MLWP::Protocol::https", "-e", "1"], keeps_alive=True),
        Client("lua ssl.https", ["lua5.4", "-e", LUA, "-", "", "@urls@"],
               ["lua5.4", "-e", LUA, "-", "@file@", "@url@"], needs=["lua5.4", "-e", 'require "ssl.https"']),
        Client("links", ["links", "-source", "-ssl.certificates", "0", "@url@"]),
        Client("w3m", ["w3m", "-o", "ssl_ca_file=@ca@", "-dump_source", "@url@"]),
        Client("apt's https", ["sh", "-c", "/usr/lib/apt/apt-helper -qq -o Acquire::https::CAInfo=@ca@ download-file \"$1\" \"$PWD/got\""
                               " >/dev/null 2>&1 && cat got && rm got", "sh", "@url@"],
               needs=["test", "-x", "/usr/lib/apt/apt-helper"]),
        Client("openssl s_client", ["sh", "-c", S_CLIENT, "sh", "@path@"], body_behind_head=True, size_max=1 << 20),
        Client("OpenSSL's BIOs", [f"{programs}/bio_client", "@host@:@port@", "@path@"], body_behind_head=True),
        Client("OpenSSL's BIOs, buffered", [f"{programs}/bio_client", "@host@:@port@", "@path@", "buffered"],
               body_behind_head=True),
        *(Client(f"GnuTLS, {kind}", [f"{programs}/gnutls_client", way, "@host@", "@port@", "@ca@", "@path@"],
                 body_behind_head=True) for kind, way in (("own functions", "own"), ("memory", "memory"))),
        Client("socat", ["sh", "-c", r"printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' @path@ | "
                         "socat -t 20 - OPENSSL:@host@:@port@,cafile=@ca@"], needs=["socat", "-V"], body_behind_head=True),
        Client("node https", ["node", "-e", NODE, "--", "", "@urls@"], ["node", "-e", NODE, "--", "@file@", "@url@"],
               is_opaque=True, keeps_alive=True),
        Client("java URL", ["java", "-Djavax.net.ssl.trustStore=@store@", "-Djavax.net.ssl.trustStorePassword=changeit",
                            f"{programs}/Get.java", "", "@urls@"], needs=["javac", "-version"], is_opaque=True, keeps_alive=True),
    ]
