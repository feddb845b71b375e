"""A worker that follows a script and knows no protocol: standard library only. It stands in for
__main__.py in the package folder that unruly-package.ts lays out.

Its argument is a JSON list of steps: ["write", hex], ["say", text] (on stderr), ["read", bytes],
["exit", code], ["kill", signal] and ["stay"], which waits for the end of stdin. The end of the list is the
end of the process.
"""

import json
import os
import sys

for step, *values in json.loads(sys.argv[1]):
    if step == "write":
        data = bytes.fromhex(values[0])
        while data:
            data = data[os.write(1, data) :]
    elif step == "say":
        os.write(2, values[0].encode())
    elif step == "read":
        left = values[0]
        while left and (chunk := os.read(0, left)):
            left -= len(chunk)
    elif step == "exit":
        os._exit(values[0])
    elif step == "kill":
        os.kill(os.getpid(), values[0])
    elif step == "stay":
        while os.read(0, 65536):
            pass
