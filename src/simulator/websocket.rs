//! Open sockets that answer, push and ping.

use std::rc::Rc;

use futures_util::{SinkExt, StreamExt};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::answer::Refusal;
use super::body::AnswerBody;
use super::model::ServiceTimeLaw;
use super::play::{CallCompletion, Serving};
use super::simulation::{AnswerContent, WebSocketSpec};
use super::template::{AnswerScope, AnswerText};
use plimsoll_plan::value::reckoned_of;

/// Answers the handshake; the conversation goes on in a task of its own.
pub(super) fn accept(
    play: &Rc<Serving>,
    route: usize,
    parts: &mut Parts,
    scope: AnswerScope,
) -> Result<Response<AnswerBody>, Refusal> {
    let refused = || Refusal::bad_request("expected a WebSocket handshake");
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(refused)?;
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or_else(refused)?;
    let mut response = Response::new(AnswerBody::whole(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = HeaderValue::from_str(&accept).map_err(|_| refused())?;
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    let task_play = play.clone();
    play.tasks.spawn_local(async move {
        if let Ok(upgraded) = upgrade.await {
            // A client that leaves without a close frame ends the session all the same.
            let _ = converse(&task_play, route, upgraded, scope).await;
        }
    });
    Ok(response)
}

/// What happens next.
enum WebSocketAction {
    Received(Option<Result<Message, Error>>),
    Push,
    Ping,
    Stop,
}

async fn converse(
    play: &Rc<Serving>,
    route: usize,
    upgraded: Upgraded,
    mut scope: AnswerScope,
) -> Result<(), Error> {
    let AnswerContent::WebSocket(live) = &play.simulation.routes[route].answer.content else {
        return Ok(());
    };
    let io = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
    let mut push = push_pause(play, live);
    let mut ping = ping_pause(play, live);
    loop {
        let next = tokio::select! {
            message = socket.next() => WebSocketAction::Received(message),
            () = elapsed(&mut push) => WebSocketAction::Push,
            () = elapsed(&mut ping) => WebSocketAction::Ping,
            () = play.stop.cancelled() => WebSocketAction::Stop,
        };
        match next {
            WebSocketAction::Received(None) => return Ok(()),
            WebSocketAction::Received(Some(message)) => {
                if let Some(reply) = reply(play, live, message?, &mut scope) {
                    socket.send(reply).await?;
                }
            }
            WebSocketAction::Push => {
                push = push_pause(play, live);
                if let Some((_, text)) = &live.push {
                    let message = message(play, text, &mut scope);
                    socket.send(message).await?;
                }
            }
            WebSocketAction::Ping => {
                ping = ping_pause(play, live);
                socket.send(Message::Ping(Bytes::from_static(b"sim"))).await?;
            }
            WebSocketAction::Stop => return socket.close(None).await,
        }
    }
}

fn push_pause(play: &Rc<Serving>, live: &WebSocketSpec) -> Option<CallCompletion> {
    live.push.as_ref().map(|(every, _)| play.pause(*every))
}

fn ping_pause(play: &Rc<Serving>, live: &WebSocketSpec) -> Option<CallCompletion> {
    live.ping.map(|span| play.pause(ServiceTimeLaw::Constant(span)))
}

/// Ready when the pause is over; never, if there is none.
async fn elapsed(pause: &mut Option<CallCompletion>) {
    match pause {
        Some(pause) => {
            pause.await;
        }
        None => std::future::pending().await,
    }
}

/// The answer to a message; pings are answered and closes completed by the library.
fn reply(
    play: &Serving,
    live: &WebSocketSpec,
    received: Message,
    scope: &mut AnswerScope,
) -> Option<Message> {
    let text = live.reply.as_ref()?;
    let Message::Text(received) = received else { return None };
    scope.body = match serde_json::from_str::<serde_json::Value>(&received) {
        Ok(json) => reckoned_of(&json),
        Err(_) => minijinja::Value::from(received.as_str()),
    };
    Some(message(play, text, scope))
}

/// A message; `n` counts them.
fn message(play: &Serving, text: &AnswerText, scope: &mut AnswerScope) -> Message {
    scope.number += 1;
    let bytes = play.simulation.templates.render(text, scope).unwrap_or_default();
    Message::text(String::from_utf8_lossy(&bytes).into_owned())
}
