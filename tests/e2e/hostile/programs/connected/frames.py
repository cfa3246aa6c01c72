# tries: prints frames of the channel, cut in every possible way
# connected: yes
# output_bytes: 200000
# accept: exit
# code: 3
# expect: \ASLV2.*\Z
import os
import struct

frame = struct.pack("<4sB3xII", b"SLV2", 65, 1, 60) + bytes(60) + struct.pack("<4sB3xII", b"SLV2", 67, 1, 0)
for cut in range(len(frame)):
    os.write(1, frame[:cut])
    os.write(1, frame)
os._exit(3)
