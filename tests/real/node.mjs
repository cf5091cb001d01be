// Node.js's HTTP/2: what each path does stands beside it. Says its port, then that of HTTP/1.1, and counts what it has seen at /seen.
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { constants, createSecureServer } from 'node:http2';
import { createServer } from 'node:https';

const [cert, key] = process.argv.slice(2).map((path) => readFileSync(path));
// SHA-256 and length of what is uploaded.
const digest = (body, answer) => {
  const hash = createHash('sha256');
  let bytes = 0;
  body.on('data', (part) => { hash.update(part); bytes += part.length; });
  body.on('end', () => answer({ bytes, sha256: hash.digest('hex') }));
};
const settings = { initialWindowSize: 20_000, maxConcurrentStreams: 10, maxFrameSize: 20_000 };
const server = createSecureServer({ cert, key, settings });
const refusedOnce = new Set();
const seen = { sessions: 0, uploaded: 0, refused: 0, errors: 0 };

server.on('session', (session) => {
  seen.sessions += 1;
  // What breaks a rule of the protocol is told here, and a client that closes with something still unread, which is none.
  session.on('error', (error) => { seen.errors += Number(error.code !== 'ECONNRESET'); });
});
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const [path, query] = headers[':path'].split('?');
  const answer = (value) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(value));
  };
  switch (path) {
    case '/page':
      // Informational first, then two headers of one name, and a body in small frames.
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'] });
      for (let part = 0; part < 100; part += 1) stream.write('0123456789');
      return stream.end();
    case '/cookies':
      return answer({ cookie: headers.cookie ?? '' });
    case '/large':
      stream.respond({ ':status': 200 });
      return stream.end(Buffer.alloc(3_000_000, 'x'));
    case '/upload': {
      let bytes = 0;
      stream.on('data', (part) => { bytes += part.length; });
      return stream.on('end', () => {
        seen.uploaded += bytes;
        answer({ bytes, said: Number(headers['content-length']) });
      });
    }
    case '/digest':
      return digest(stream, answer);
    case '/trailers':
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
      return stream.end('ok');
    case '/refused':
      if (!refusedOnce.has(query)) {
        refusedOnce.add(query);
        seen.refused += 1;
        return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      }
      return answer({ again: true });
    case '/leave':
      // GOAWAY: what is under way is finished, and the next request needs a connection of its own.
      answer({ leaving: true });
      return stream.session.close();
    case '/broken':
      stream.respond({ ':status': 200 });
      return stream.write('half', () => stream.destroy(new Error('broken')));
    case '/seen':
      return answer(seen);
    default:
      stream.respond({ ':status': 404 });
      return stream.end();
  }
});
const http1 = createServer({ cert, key }, (request, response) => {
  digest(request, (value) => response.end(JSON.stringify(value)));
});
server.listen(0, '127.0.0.1', () => {
  http1.listen(0, '127.0.0.1', () => console.log(`${server.address().port} ${http1.address().port}`));
});
