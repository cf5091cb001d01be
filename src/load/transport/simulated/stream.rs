//! The client's end of a simulated connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Delivery, Dialling, End, Received, Reply, SimulatedConnection};
use super::world::World;

/// The client's end of a simulated connection.
#[derive(Debug)]
pub(crate) struct Simulated {
    world: Rc<World>,
    id: usize,
}

impl Drop for Simulated {
    fn drop(&mut self) {
        self.world.open.set(self.world.open.get() - 1);
        self.world.connections.borrow_mut()[self.id].client_gone = true;
    }
}

impl Simulated {
    /// The address at the other end.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.world.connections.borrow()[self.id].to
    }
}

impl World {
    /// Connects to `to` from `from`.
    pub(crate) async fn connect(
        self: &Rc<Self>,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> io::Result<Simulated> {
        let dialling = self.peer.borrow_mut().on_dial(from, to);
        let id = self.connections.borrow().len();
        self.connections.borrow_mut().push(SimulatedConnection::new(from, to));
        self.opened();
        // Counts from here on, also where nothing comes of it: the descriptor is there already.
        let stream = Simulated { world: self.clone(), id };
        match dialling {
            Dialling::Opens(after) => {
                self.sleep(after).await;
                Ok(stream)
            }
            Dialling::Refused(after) => {
                self.fault("refused");
                self.sleep(after).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Dialling::OutOfPorts => {
                self.fault("out of ports");
                Err(rustix::io::Errno::ADDRNOTAVAIL.into())
            }
            Dialling::Silent => {
                self.fault("no answer to a dial");
                std::future::pending().await
            }
        }
    }

    /// The far end reads what the client wrote.
    fn far_end_reads(self: &Rc<Self>, id: usize, bytes: &[u8]) {
        if self.connections.borrow()[id].far_end_closed {
            // Nobody is there any more: the kernel answers (RFC 9293 §3.5.2).
            self.send(id, Reply { after: plimsoll_units::Nanos::ZERO, what: Delivery::Reset });
            return;
        }
        let whole = {
            let connection = &mut self.connections.borrow_mut()[id];
            connection.outbound.extend_from_slice(bytes);
            let Some(length) = length_of(&connection.outbound) else { return };
            if connection.answering || connection.outbound.len() > length {
                self.violation(format!("connection {id} carries two requests at once"));
            }
            connection.answering = true;
            std::mem::take(&mut connection.outbound)
        };
        let head = String::from_utf8_lossy(&whole);
        let mut words = head.split(' ');
        let (from, to, number) = {
            let connection = &mut self.connections.borrow_mut()[id];
            connection.requests += 1;
            (connection.from, connection.to, connection.requests)
        };
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let received = Received { connection: id, number, from, to, method, path };
        let replies = self.peer.borrow_mut().on_request(&received, self.now());
        for reply in replies {
            self.send(id, reply);
        }
    }

    /// Sends something to the client, over a network that takes its time but keeps the order.
    fn send(self: &Rc<Self>, id: usize, Reply { after, what }: Reply) {
        if matches!(what, Delivery::Close | Delivery::Reset) {
            self.plan(after, move |world| {
                world.connections.borrow_mut()[id].far_end_closed = true;
            });
        }
        let arrives = {
            let connection = &mut self.connections.borrow_mut()[id];
            let sent = self.now().get() + after.get();
            connection.arrives =
                connection.arrives.max(sent + self.up_to(self.profile.latency).get());
            connection.arrives
        };
        self.plan_at(arrives, move |world| world.connections.borrow_mut()[id].deliver(what));
    }
}

/// How long the request is that `bytes` begin with; none while it is not complete.
fn length_of(bytes: &[u8]) -> Option<usize> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.split("\r\ncontent-length:").nth(1);
    let body = length.and_then(|rest| rest.lines().next()?.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= end + body).then_some(end + body)
}

impl AsyncRead for Simulated {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut connections = self.world.connections.borrow_mut();
        let connection = &mut connections[self.id];
        if !connection.inbound.is_empty() {
            let count = connection.inbound.len().min(buffer.remaining());
            let bytes: Vec<u8> = connection.inbound.drain(..count).collect();
            buffer.put_slice(&bytes);
            self.world.answered.borrow_mut().insert((self.id, connection.requests));
            return Poll::Ready(Ok(()));
        }
        match connection.end {
            Some(End::Closed) => Poll::Ready(Ok(())),
            Some(End::Reset) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(End::Panic) => {
                drop(connections);
                panic!("planted");
            }
            None => {
                connection.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for Simulated {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.world.connections.borrow()[self.id].end == Some(End::Reset) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = if self.world.happens(self.world.profile.short_writes) {
            self.world.fault("short write");
            bytes.len().div_ceil(2)
        } else {
            bytes.len()
        };
        self.world.far_end_reads(self.id, &bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
