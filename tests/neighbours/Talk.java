import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;

/** Threads, sockets, a lock, a spin, an interrupt, faults that the machine catches, its own threads' work, a child, a timer. */
public class Talk {
	static final int N = 20;
	static final Object lock = new Object();
	static volatile boolean flag;
	static int count;

	static int deep(int n) {
		return deep(n + 1) + 1;
	}

	static void overflow() {
		try {
			deep(0);
		} catch (StackOverflowError e) {
			System.out.println("no room");
		}
	}

	static void serve(ServerSocket s) {
		try {
			for (int i = 0; i < N; i++) {
				Socket c = s.accept();
				new Thread(() -> {
					try (c) {
						c.getOutputStream().write(c.getInputStream().read() * 2);
					} catch (Exception e) {
						e.printStackTrace();
					}
				}).start();
			}
		} catch (Exception e) {
			e.printStackTrace();
		}
	}

	static Integer ask(ServerSocket s, int k) throws Exception {
		try (Socket c = new Socket(s.getInetAddress(), s.getLocalPort())) {
			c.getOutputStream().write(k);
			return c.getInputStream().read();
		}
	}

	static void run(Runnable r) throws Exception {
		Thread t = new Thread(r);
		t.start();
		t.join();
	}

	public static void main(String[] args) throws Exception {
		ServerSocket s = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
		ExecutorService pool = Executors.newFixedThreadPool(8);
		Thread server = new Thread(() -> serve(s)), spinner, sleeper;
		AtomicInteger sum = new AtomicInteger(), ticks = new AtomicInteger();
		byte[][] garbage = new byte[100][];

		server.start();
		for (int i = 0; i < N; i++) {
			int k = i;
			pool.submit(() -> sum.addAndGet(ask(s, k)));
		}
		pool.shutdown();
		pool.awaitTermination(30, TimeUnit.SECONDS);
		server.join();
		overflow();
		run(Talk::overflow);
		Thread[] threads = new Thread[N];
		for (int i = 0; i < N; i++)
			(threads[i] = new Thread(() -> {
				for (int k = 0; k < 2000; k++)
					synchronized (lock) {
						count++;
					}
			})).start();
		for (Thread t : threads)
			t.join();
		(spinner = new Thread(() -> {
			while (!flag)
				;
		})).start();
		(sleeper = new Thread(() -> {
			try {
				Thread.sleep(100000);
			} catch (InterruptedException e) {
				System.out.println("interrupted");
			}
		})).start();
		Thread.sleep(20);
		flag = true;
		sleeper.interrupt();
		spinner.join();
		sleeper.join();
		for (int i = 0; i < 3000; i++)
			garbage[i % 100] = new byte[20000];
		System.gc();
		Process child = new ProcessBuilder("sh", "-c", "echo child; exit 3").start();
		String said = new String(child.getInputStream().readAllBytes()).trim();
		ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
		timer.scheduleAtFixedRate(ticks::incrementAndGet, 1, 1, TimeUnit.MILLISECONDS);
		while (ticks.get() < 5)
			Thread.sleep(1);
		timer.shutdownNow();
		System.out.println(sum + " " + count + " " + LongStream.range(0, 1000000).parallel().sum() + " " + said + child.waitFor());
	}
}
