//! A small HTTP/1.1 client: one connection a request, no redirects, everything as it is answered.

use std::net::SocketAddr;

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

/// A request that is being put together.
pub(super) struct ClientRequest {
    address: SocketAddr,
    builder: Builder,
    body: Bytes,
}

/// An answer whose body is still to be read.
pub(super) struct Answer {
    response: http::Response<Incoming>,
    _connection: AbortOnDropHandle<hyper::Result<()>>,
}

impl ClientRequest {
    pub(super) fn new(address: SocketAddr, method: Method, path: &str) -> Self {
        let builder = http::Request::builder().method(method).uri(path);
        let builder = builder.header(header::HOST, address.to_string());
        Self { address, builder, body: Bytes::new() }
    }

    pub(super) fn header(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.builder = self.builder.header(name, value.as_ref());
        self
    }

    pub(super) fn bearer_auth(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.header("content-type", "application/json")
    }

    pub(super) async fn send(self) -> hyper::Result<Answer> {
        let stream = tokio::net::TcpStream::connect(self.address).await.expect("connected");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = self.builder.body(Full::new(self.body)).expect("a request");
        let response = sender.send_request(request).await?;
        Ok(Answer { response, _connection: connection })
    }
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    pub(super) async fn bytes(self) -> hyper::Result<Bytes> {
        Ok(self.response.into_body().collect().await?.to_bytes())
    }

    pub(super) async fn text(self) -> hyper::Result<String> {
        Ok(String::from_utf8(self.bytes().await?.into()).expect("UTF-8"))
    }

    pub(super) async fn json(self) -> hyper::Result<Value> {
        Ok(serde_json::from_slice(&self.bytes().await?).expect("JSON"))
    }
}
