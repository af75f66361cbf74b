using System;
using System.Net;
using System.Net.Sockets;
using System.Threading;

class Talk {
	const int N = 20;

	static void Serve(TcpListener l) {
		for (int i = 0; i < N; i++) {
			var c = l.AcceptTcpClient();
			new Thread(() => {
				var s = c.GetStream();
				s.WriteByte((byte)(s.ReadByte() * 2));
				c.Close();
			}).Start();
		}
	}

	static void Main() {
		var l = new TcpListener(IPAddress.Loopback, 0);
		var threads = new Thread[N];
		var garbage = new byte[100][];
		int sum = 0;

		l.Start();
		var server = new Thread(() => Serve(l));
		server.Start();
		for (int i = 0; i < N; i++) {
			int k = i;
			threads[i] = new Thread(() => {
				var c = new TcpClient();
				c.Connect((IPEndPoint)l.LocalEndpoint);
				c.GetStream().WriteByte((byte)k);
				Interlocked.Add(ref sum, c.GetStream().ReadByte());
				for (int j = 0; j < 200; j++)
					garbage[j % 100] = new byte[10000];
			});
			threads[i].Start();
		}
		foreach (var t in threads)
			t.Join();
		server.Join();
		GC.Collect();
		Console.WriteLine(sum);
	}
}
