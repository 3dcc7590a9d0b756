"""Reads inputs with h11, a strict parser of HTTP/1.1 in Python. Lines `request|response HEX` come in; for each a line of JSON goes out: the messages, or null when it refuses."""

import json
import sys

import h11


def read(kind, data):
    server = kind == "request"
    connection = h11.Connection(h11.SERVER if server else h11.CLIENT, max_incomplete_event_size=1 << 20)
    messages = []
    if not server:
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                return messages, "more"
            if event is h11.PAUSED:
                if not server:
                    return messages, "paused"
                if connection.our_state is h11.SEND_RESPONSE:
                    answer(connection)
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return messages, "paused"
                connection.start_next_cycle()
                continue
            if isinstance(event, h11.Request):
                messages.append(message(event.method, event.target, 0, event))
            elif isinstance(event, h11.InformationalResponse):
                messages.append(message(b"", b"", event.status_code, event))
                messages[-1]["isWhole"] = True
            elif isinstance(event, h11.Response):
                messages.append(message(b"", b"", event.status_code, event))
            elif isinstance(event, h11.Data):
                messages[-1]["body"] += bytes(event.data).decode("latin1")
            elif isinstance(event, h11.EndOfMessage):
                messages[-1]["isWhole"] = True
                messages[-1]["trailers"] = fields(event.headers)
                if server:
                    if connection.our_state is h11.SEND_RESPONSE:
                        answer(connection)
                    if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
                        connection.start_next_cycle()
                    else:
                        return messages, "paused"
                else:
                    return messages, "paused"
            else:
                return messages, "paused"
    except h11.RemoteProtocolError:
        return None, "refused"


def answer(connection):
    connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())


def message(method, target, status, event):
    return {
        "method": method.decode("latin1"),
        "rawTarget": target.decode("latin1"),
        "status": status,
        "minorVersion": int(event.http_version[-1:]),
        "fields": fields(event.headers),
        "trailers": [],
        "body": "",
        "isWhole": False,
    }


def fields(headers):
    return [f"{name.decode('latin1')}: {value.decode('latin1')}" for name, value in headers]


for line in sys.stdin:
    kind, encoded = line.rstrip("\n").split(" ")
    messages, end = read(kind, bytes.fromhex(encoded))
    print(json.dumps({"messages": messages, "end": end}))
