# modes: native async
"""The shape of switch.c with Python's own threads: foo and bar yield to each other."""
import os
import threading
import time


def say(text):
    os.write(1, (text + '\n').encode())  # print loses text where threads meet, natively


started = threading.Event()  # Thread.start() waits until the thread runs: without this foo would be done before bar exists


def foo():
    started.wait()
    say('Running in foo')
    time.sleep(0)
    say('Explicit context switch to foo again')


def bar():
    started.wait()
    say('Explicit context to bar')
    time.sleep(0)
    say('Implicit context switch back to bar')


threads = [threading.Thread(target=foo), threading.Thread(target=bar)]
for thread in threads:
    thread.start()
started.set()
for thread in threads:
    thread.join()
