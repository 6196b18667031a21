"""A name server on a free UDP port of loopback: what it answers can change at any time."""

import ipaddress
import socketserver
import struct
import threading

A, AAAA, SRV = 1, 28, 33
SERVFAIL, NXDOMAIN = 2, 3
HEADER = struct.Struct("!6H")
IS_RESPONSE, RECURSION_AVAILABLE, AUTHORITATIVE = 0x8000, 0x0080, 0x0400


def encode_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def read_question(query):
    """(name in lower case, type, octets behind the question)"""
    at, labels = HEADER.size, []
    while length := query[at]:
        labels.append(query[at + 1:at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), *struct.unpack_from("!H", query, at + 1), at + 5


class NameServer(socketserver.UDPServer):
    """Names that nobody has named do not exist (NXDOMAIN)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self._answer)
        self.records = {}     # name -> type -> data of each record
        self.ttl = 1          # seconds, of all records
        self.trouble = None   # instead of an answer: "silence", SERVFAIL or NXDOMAIN
        self.asked = []       # (name, type) of each query
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def text(self):
        return "{}:{}".format(*self.server_address)

    def lead(self, name, *addresses):
        """From now on `name` has these addresses."""
        by_type = {A: [], AAAA: []}
        for address in map(ipaddress.ip_address, addresses):
            by_type[A if address.version == 4 else AAAA].append(address.packed)
        self.records[name] = by_type

    def serve(self, service, *targets):
        """From now on `service` ("_sip._udp.pbx.test") is at (priority, weight, port, name)."""
        self.records[service] = {SRV: [struct.pack("!3H", *numbers) + encode_name(target)
                                       for *numbers, target in targets]}

    def _answer(self, request, client, _):
        query, sock = request
        name, kind, end = read_question(query)
        self.asked.append((name, kind))
        if self.trouble == "silence":
            return
        code = self.trouble or (0 if name in self.records else NXDOMAIN)
        records = [] if code else self.records[name].get(kind, [])
        flags = IS_RESPONSE | RECURSION_AVAILABLE | AUTHORITATIVE | code
        number = struct.unpack_from("!H", query)[0]
        message = HEADER.pack(number, flags, 1, len(records), 0, 0) + query[HEADER.size:end]
        for data in records:
            # The name is that of the question, by a pointer to it.
            message += struct.pack("!HHHIH", 0xC000 | HEADER.size, kind, 1, self.ttl, len(data))
            message += data
        sock.sendto(message, client)

    def close(self):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def __exit__(self, *_):
        self.close()
