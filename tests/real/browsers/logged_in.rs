//! Users with a browser who log in before their flow.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{loads, written_with};
use crate::harness::{plimsoll, run};
use crate::listening::{SeenRequest, listening};

/// A script knows the visitor from then on, as a page of one document does.
const LOGIN: &str = "<!doctype html><input id=user><button id=go onclick=\"document.cookie='sid='+user.value;\
                     let done=document.createElement('p');done.id='done';document.body.append(done)\">in</button>";

const STEPS: &str = "login:\n      - open: { name: login, url: /login }\n      \
                     - type: { selector: '#user', text: ada }\n      - click: { selector: '#go', wait: '#done' }\n    \
                     flow:\n      - think: 10ms\n      - open: { name: home, url: / }\n";

fn answer(request: &SeenRequest) -> (u16, String) {
    match (request.path(), request.header("cookie")) {
        ("/", Some("sid=ada")) => (200, "<!doctype html><p>home".to_owned()),
        ("/", _) => (403, "<!doctype html><p>who are you?".to_owned()),
        ("/login", _) => (200, LOGIN.to_owned()),
        _ => (200, "{}".to_owned()),
    }
}

/// The same, which forgets its visitors once: before its second page.
fn forgetful(request: &SeenRequest) -> (u16, String) {
    static HOMES: AtomicUsize = AtomicUsize::new(0);
    if request.path() == "/" && HOMES.fetch_add(1, Ordering::Relaxed) == 1 {
        return (403, "<!doctype html><p>who are you?".to_owned());
    }
    answer(request)
}

/// How often a page was asked for, and the loads of a run with this server and context.
fn played(answer: fn(&SeenRequest) -> (u16, String), context: &str) -> (usize, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    written_with(folder.path(), &server.url, "10s", &format!("context: {context}\n    {STEPS}"));
    let ran = run(plimsoll().arg("run").arg(folder.path()), &folder.path().join("out"));
    let loads = loads(ran.folder.as_deref().expect("a run"));
    let seen = server.seen();
    (seen.iter().filter(|request| request.path() == "/login").count(), loads)
}

#[test]
fn each_new_context_logs_in_and_no_login_is_measured() {
    let (logins, loads) = played(answer, "fresh");
    assert!(loads.len() >= 2, "{loads:#?}");
    assert!(loads.iter().all(|load| load["page"] == "home" && load["status"] == 200), "{loads:#?}");
    // The last may have logged in and not come further.
    assert!(logins == loads.len() || logins == loads.len() + 1, "{logins} for {}", loads.len());
}

#[test]
fn who_comes_back_logs_in_once_and_again_where_the_session_is_lost() {
    let (logins, loads) = played(forgetful, "warm");
    let failures = loads.iter().filter(|load| load["failure"] == "status 403").count();
    assert!(loads.len() >= 3, "{loads:#?}");
    assert_eq!((logins, failures), (2, 1), "{loads:#?}");
}

#[test]
fn login_that_fails_is_the_failure_of_the_first_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(answer);
    let steps = STEPS.replace("'#user'", "'#name'");
    written_with(folder.path(), &server.url, "6s", &format!("timeout: 1s\n    {steps}"));
    let ran = plimsoll().arg("check").arg(folder.path()).arg("--once").output().expect("ran");
    let told = String::from_utf8_lossy(&ran.stdout);
    let line = "page home: failed: the login failed: no element matches `#name`";
    assert!(told.lines().any(|told| told.starts_with(line)), "{told}");
    assert!(server.seen().iter().all(|request| request.path() != "/"));
}
