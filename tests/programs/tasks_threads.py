# modes: native async
"""The shape of tasks.c with Python's own threads: ten tasks in order, then by completion."""
import os
import random
import threading
import time


def say(text):
    os.write(1, (text + '\n').encode())  # print loses text where threads meet, natively



def task(pid):
    time.sleep(random.randint(0, 2) * 0.001)
    say('Task %d done' % pid)


def synchronous():
    for i in range(1, 11):
        task(i)


def asynchronous():
    threads = [threading.Thread(target=task, args=(i,)) for i in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


say('Synchronous:')
synchronous()
say('Asynchronous:')
asynchronous()
