# tries: connects to the host, to the engine's bridge, to name servers, to a cloud's metadata service
# stdin: @PORT@
import socket
import sys
import urllib.request

from hostile import finish, refused

port = int(sys.stdin.read())
for address in ("127.0.0.1", "localhost", "172.17.0.1", "169.254.169.254", "1.1.1.1", "::1", "host.docker.internal", "10.0.2.2"):
    for number in (port, 80, 22, 2375):
        refused(f"{address}:{number}", socket.create_connection, (address, number), 0.2)
refused("name", socket.gethostbyname, "example.org")
refused("http", urllib.request.urlopen, f"http://127.0.0.1:{port}/", None, 0.2)
finish()
