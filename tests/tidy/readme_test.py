"""The publish lines of the README are correct shell and sign as the protocol says."""
import hashlib
import hmac
import http.server
import re
import shutil
import subprocess
import threading
import time
import unittest
import urllib.parse

import pathlib
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def shell_block():
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return next(block for block in blocks if "openssl" in block)


class Recorder(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.seen.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@unittest.skipUnless(shutil.which("curl") and shutil.which("openssl"), "needs curl and openssl")
class ReadmeTest(unittest.TestCase):
    def request_of(self, shell):
        server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
        server.seen = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            text = shell_block().replace("127.0.0.1:6001", f"127.0.0.1:{server.server_port}")
            done = subprocess.run([shell, "-eu", "-c", text], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=20)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", "{}"))
        return server.seen[0]

    def check(self, shell):
        path, body = self.request_of(shell)
        target, _, query = path.partition("?")
        given = dict(urllib.parse.parse_qsl(query))
        signature = given.pop("auth_signature")
        signed = "&".join(f"{name}={given[name]}" for name in sorted(given))
        expected = hmac.new(b"app-secret", f"POST\n{target}\n{signed}".encode(), hashlib.sha256)
        self.assertEqual(signature, expected.hexdigest())
        self.assertEqual(given["body_md5"], hashlib.md5(body).hexdigest())
        self.assertEqual((target, given["auth_key"]), ("/apps/app-id/events", "app-key"))
        self.assertLess(abs(time.time() - int(given["auth_timestamp"])), 60)

    def test_readme_publish_lines_sign_in_sh(self):
        self.check("sh")

    def test_readme_publish_lines_sign_in_bash(self):
        self.check("bash")


if __name__ == "__main__":
    unittest.main()
