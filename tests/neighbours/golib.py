"""Threads that call a Go library, beside threads that sleep."""
import ctypes
import sys
import threading
import time

ticks = 0
over = False


def ticker():
    global ticks
    while not over:
        time.sleep(0.001)
        ticks += 1


def work(k):
    results[k] = lib.Sum(k), lib.Spin(20 + k % 3)


early = threading.Thread(target=ticker)
early.start()
lib = ctypes.CDLL(sys.argv[1])
results = {}
threads = [threading.Thread(target=work, args=(k,)) for k in range(10)]
for t in threads:
    t.start()
for t in threads:
    t.join()
over = True
early.join()
print(sorted(results.items()), ticks > 0)
