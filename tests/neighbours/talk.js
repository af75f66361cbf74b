// An HTTP server and its clients, files, a child, a worker thread, names.
const http = require('http'), fs = require('fs'), child = require('child_process'), dns = require('dns');
const { Worker } = require('worker_threads');
const N = 20, host = '127.0.0.1';
const work = 'let x = 0; for (let i = 0; i < 1e6; i++) x += i; require("worker_threads").parentPort.postMessage(x)';

const server = http.createServer((request, response) => response.end('hi' + request.url));

function rest(bytes) {
	fs.readFile(__filename, (error, data) => child.exec('echo child', (error, said) => {
		const worker = new Worker(work, { eval: true });

		worker.on('message', sum => worker.on('exit', () =>
			dns.lookup('localhost', error => console.log(bytes, data.length > 100, said.trim(), sum, !error))));
	}));
}

server.listen(0, host, () => {
	let answers = 0, bytes = 0;

	for (let i = 0; i < N; i++)
		http.get({ host, port: server.address().port, path: '/' + i, agent: false }, response => {
			response.on('data', data => bytes += data.length);
			response.on('end', () => {
				if (++answers === N)
					server.close(() => rest(bytes));
			});
		});
});
