"""python's http.server, answering every request with what it read: `{"method", "url", "body"}`, body as Latin-1. Prints its port."""

import http.server
import json


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one write: two of them wait 40 ms for each other.
    wbufsize = -1

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.echo
        raise AttributeError(name)

    def echo(self):
        seen = {"method": self.command, "url": self.path, "body": self.read_body().decode("latin1")}
        answer = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("X-Echo", "1")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            return body
        length = int(self.headers.get("Content-Length", "0"))
        # Never more than a test sends, whatever is announced.
        body = self.rfile.read(min(length, 1 << 20))
        if len(body) < length:
            raise ConnectionError("the body is cut short")
        return body

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
server.daemon_threads = True
# Cut off requests are what the test is about.
server.handle_error = lambda *_: None
print(server.server_address[1], flush=True)
server.serve_forever()
