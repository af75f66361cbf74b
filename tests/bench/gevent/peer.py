"""peer.py - the workloads of the C programs, with gevent's own means. The same figures, the same checks."""
from gevent import monkey
monkey.patch_all()

import os
import resource
import socket
import sys
import time

import gevent
from gevent.lock import Semaphore
from gevent.queue import Queue


def check(ok, what):
    if not ok:
        print('gevent peer: not so:', what, file=sys.stderr, flush=True)
        os._exit(1)


def cost_of_unit(run, n, seconds):
    while True:
        cpu, wall = time.process_time(), time.monotonic()
        run(n)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        if wall >= seconds:
            print('cpu_ns', cpu * 1e9 / n)
            print('wall_ns', wall * 1e9 / n)
            return
        n *= 2 if wall * 4 >= seconds else 4


def run_all(targets):
    gevent.joinall([gevent.spawn(t, *a) for t, a in targets], raise_error=True)


def echo_threads(connections):
    listener = socket.create_server(('127.0.0.1', 0), backlog=4096)
    print('port', listener.getsockname()[1], flush=True)
    totals = []

    def serve(conn):
        total = 0
        while True:
            data = conn.recv(1024)
            if not data:
                break
            conn.sendall(data)
            total += len(data)
        conn.close()
        totals.append(total)

    gevent.joinall([gevent.spawn(serve, listener.accept()[0]) for _ in range(int(connections))], raise_error=True)
    print('bytes', sum(totals), flush=True)


def spawn(seconds):
    def run(n):
        for _ in range(0, n, 1000):
            results = [0] * 1000

            def thread(i):
                results[i] = (i + 1) ^ 0x5555
            run_all([(thread, (i,)) for i in range(1000)])
            check(results == [(i + 1) ^ 0x5555 for i in range(1000)], 'results')
    cost_of_unit(run, 1000, float(seconds))


def handover(how, seconds):
    def run(n):
        turned = Semaphore(1), Semaphore(0)
        step = [0]

        def yields(me):
            for i in range(me, n, 2):
                while step[0] != i:
                    gevent.sleep(0)
                step[0] = i + 1

        def signals(me):
            for i in range(me, n, 2):
                turned[me].acquire()
                check(step[0] == i, 'step')
                step[0] = i + 1
                turned[1 - me].release()
        run_all([(yields if how == 'yield' else signals, (me,)) for me in (0, 1)])
        check(step[0] == n, 'steps')
    cost_of_unit(run, 2000, float(seconds))


def sleepers(n, us, rounds='1'):
    n, us, rounds = int(n), int(us), int(rounds)
    late = []

    def sleeper():
        for _ in range(rounds):
            t = time.monotonic_ns()
            time.sleep(us / 1e6)
            late.append((time.monotonic_ns() - t) / 1e3 - us)
    wall = time.monotonic()
    run_all([(sleeper, ())] * n)
    wall = time.monotonic() - wall
    late.sort()
    check(len(late) == n * rounds, 'all slept')
    if rounds > 1:
        print('round_us', wall * 1e6 / rounds)
    else:
        print('wall_s', wall)
    print('early', sum(x < 0 for x in late))
    print('late_p50_us', late[len(late) // 2])
    print('late_p99_us', late[(len(late) - 1) * 99 // 100])
    print('peak_MB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    sys.stdout.flush()
    check(late[0] >= 0, 'nobody early')


def fetch_all(port, n):
    def fetch(i):
        t = time.monotonic()
        got = b''
        with socket.create_connection(('127.0.0.1', int(port))) as s:
            s.sendall(b'GET /%d HTTP/1.0\r\n\r\n' % i)
            while True:
                data = s.recv(4096)
                if not data:
                    break
                got += data
        check(time.monotonic() - t >= 0.05, '50 ms')
        body = bytes(97 + (k + i) % 26 for k in range(1000))
        check(got == b'HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n' + body, 'answer')
    wall, cpu = time.monotonic(), time.process_time()
    run_all([(fetch, (i,)) for i in range(int(n))])
    print('wall_ms', (time.monotonic() - wall) * 1e3)
    print('cpu_ms', (time.process_time() - cpu) * 1e3)


def queue_(threads, seconds):
    pairs = int(threads) // 2

    def run(items):
        each = (items + pairs - 1) // pairs
        q = Queue(64)
        total = [0]

        def produce(p):
            for i in range(1, each + 1):
                q.put((p, i))

        def consume():
            last = [0] * pairs
            for _ in range(each):
                p, i = q.get()
                check(i > last[p], 'order')
                last[p] = i
                total[0] += i
        run_all([(produce, (p,)) for p in range(pairs)] + [(consume, ())] * pairs)
        check(q.empty() and total[0] == pairs * each * (each + 1) // 2, 'each item once')
    cost_of_unit(run, 6400, float(seconds))


workloads = {'echo_threads': echo_threads, 'spawn': spawn, 'handover': handover, 'sleepers': sleepers,
             'fetch_all': fetch_all, 'queue': queue_}
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
workloads[sys.argv[1]](*sys.argv[2:])
