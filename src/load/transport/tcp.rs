//! TCP connections to the target: the seam between the load path and the network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

use super::error::TransportError;
#[cfg(test)]
use super::simulated::{Simulated, World};

/// A TCP connection. Outside tests there is one kind, and telling kinds apart costs nothing.
#[derive(Debug)]
pub(super) enum Tcp {
    System(TcpStream),
    /// In a simulated world.
    #[cfg(test)]
    Simulated(Simulated),
}

impl Tcp {
    /// Connects to `address` from `source`, or from where the system chooses.
    pub(super) async fn connect(
        address: SocketAddr,
        source: Option<IpAddr>,
    ) -> Result<Self, TransportError> {
        let failed = |error: &io::Error| {
            TransportError::from_io(error, &format!("cannot connect to {address}"))
        };
        #[cfg(test)]
        if let Some(world) = World::current() {
            let connected = world.connect(address, source).await;
            return connected.map(Self::Simulated).map_err(|error| failed(&error));
        }
        let socket = open(address, source).map_err(|error| {
            TransportError::from_io(&error, &format!("cannot open a socket to {address}"))
        })?;
        socket.connect(address).await.map(Self::System).map_err(|error| failed(&error))
    }
}

impl Tcp {
    /// The address at the other end.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::System(stream) => stream.peer_addr().ok(),
            #[cfg(test)]
            Self::Simulated(stream) => Some(stream.peer()),
        }
    }
}

fn open(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        // The port is chosen at connect, when the peer is known: every source address can then use the
        // whole port range again.
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_read(context, buffer),
            #[cfg(test)]
            Self::Simulated(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_write(context, bytes),
            #[cfg(test)]
            Self::Simulated(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_flush(context),
            #[cfg(test)]
            Self::Simulated(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::System(stream) => Pin::new(stream).poll_shutdown(context),
            #[cfg(test)]
            Self::Simulated(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
