//! What a request is: its method, its body, and what files give it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::harness::{plimsoll, run};
use super::listening::{Listening, SeenRequest, listening};

/// A scenario of these steps, which is played once in ten seconds.
fn written(folder: &Path, more: &str, flow: &str) {
    let text = format!(
        "name: requests\ntarget: http://127.0.0.1:1\n{more}\n\
         workloads: {{ a: {{ stages: [{{ rate: 1 iter/s, duration: 2s }}] }} }}\nscenarios:\n  s:\n    flow:\n{flow}\n"
    );
    fs::write(folder.join("scenario.yaml"), text).expect("written");
}

/// `check --once` of a folder.
fn once(folder: &Path, server: &Listening) -> Command {
    let mut command = plimsoll();
    command.arg("check").arg(folder).args(["--once", "--target", &server.url]);
    command
}

const FILES: &str = r#"
      - put: { name: whole, url: /whole, body: { file: files/order.xml, type: application/xml } }
      - post:
          name: parts
          url: /parts
          multipart:
            title: holiday
            meta: { text: '{"album":{{ vu }}}', type: application/json }
            photo: { file: files/large.txt, type: text/plain }
            again: { file: files/order.xml, filename: 'a"b.xml' }
            film: { filename: a.mp4, size: 10 B }
      - post: { name: empty, url: /empty, body: { file: files/empty } }"#;

/// Goal: what a file holds arrives as it is, however large.
/// Method: a file beyond any socket's buffer; every body is compared byte by byte.
#[test]
fn files_are_sent_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    fs::create_dir(folder.path().join("files")).expect("made");
    let large = "0123456789abcdef,\n".repeat(200_000);
    for (name, text) in
        [("large.txt", large.as_str()), ("order.xml", "<order/>\r\n"), ("empty", "")]
    {
        fs::write(folder.path().join("files").join(name), text).expect("written");
    }
    written(folder.path(), "", FILES);
    let output = once(folder.path(), &server).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = server.seen();
    assert_eq!(seen[0].body, "<order/>\r\n");
    assert_eq!(seen[0].header("content-type"), Some("application/xml"));
    assert_eq!(seen[2].header("content-length"), Some("0"));
    let kind = seen[1].header("content-type").expect("a type");
    let boundary = format!("--{}", kind.split("boundary=").nth(1).expect("a boundary"));
    let parts: Vec<&str> = seen[1].body.split(boundary.as_str()).collect();
    let head = "\r\ncontent-disposition: form-data; name=";
    assert_eq!(parts[1], format!("{head}\"title\"\r\n\r\nholiday\r\n"));
    let meta =
        format!("{head}\"meta\"\r\ncontent-type: application/json\r\n\r\n{{\"album\":1}}\r\n");
    assert_eq!(parts[2], meta);
    let photo = format!(
        "{head}\"photo\"; filename=\"large.txt\"\r\ncontent-type: text/plain\r\n\r\n{large}\r\n"
    );
    assert!(parts[3] == photo, "the large file is not as it was: {} bytes", parts[3].len());
    assert!(parts[4].contains(
        "name=\"again\"; filename=\"a%22b.xml\"\r\ncontent-type: application/octet-stream"
    ));
    assert!(parts[5].contains("; filename=\"a.mp4\""), "{}", parts[5]);
    assert_eq!(parts.last(), Some(&"--\r\n"));
}

fn flights(request: &SeenRequest) -> (u16, String) {
    let is_unknown = request.body.contains(r#""from":"LIS""#);
    let answer = if is_unknown {
        r#"{"data":{"flights":null},"errors":[{"message":"no flights","path":["flights"]}]}"#
    } else {
        r#"{"data":{"flights":[{"id":7}]}}"#
    };
    (200, answer.to_owned())
}

/// Goal: an operation goes out as GraphQL over HTTP has it, and `errors` of a 200 are a failure of their own class.
#[test]
fn operation_of_graphql_is_a_step_and_its_errors_are_failures() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(flights);
    let query =
        "query Flights($from: String!) {\n  flights(from: $from) { id }\n}\nquery Other { a }\n";
    fs::write(folder.path().join("flights.graphql"), query).expect("written");
    let more = "data: { routes: { file: routes.csv } }";
    fs::write(folder.path().join("routes.csv"), "from\nGRU\nLIS\n").expect("written");
    let flow = r#"
      - graphql:
          query: flights.graphql
          operation: Flights
          variables: { from: "{{ routes.from }}", page: { size: 10 } }
          capture: { flight_id: "$.data.flights[0].id" }
      - graphql: { query: "query Seats($id: ID!) { flight(id: $id) { seats } }", url: "/api?v=2", variables: { id: "{{ flight_id }}" } }"#;
    written(folder.path(), more, flow);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(folder.path()).args(["--target", &server.url]), &out);
    let seen = server.seen();
    let sent: serde_json::Value = serde_json::from_str(&seen[0].body).expect("JSON");
    assert_eq!(sent["query"], query);
    assert_eq!(sent["operationName"], "Flights");
    assert_eq!(sent["variables"], serde_json::json!({ "from": "GRU", "page": { "size": 10 } }));
    assert_eq!(seen[0].line, "POST /graphql HTTP/1.1");
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert!(
        seen[0]
            .header("accept")
            .is_some_and(|kind| kind.starts_with("application/graphql-response+json"))
    );
    assert_eq!(seen[1].line, "POST /api?v=2 HTTP/1.1");
    assert!(
        seen[1].body.ends_with(r#""operationName":"Seats","variables":{"id":7}}"#),
        "{}",
        seen[1].body
    );
    assert_eq!(ran.count("/steps/Flights/errors/by_class/graphql"), 1, "{:#}", ran.result());
    assert!(ran.stdout.contains("error `no flights` at `flights`"), "{}", ran.stdout);
    assert_eq!(
        ran.count("/steps/Seats/requests"),
        1,
        "what needs a flight is not asked for without one"
    );
}

/// Goal: a signature is made for each request as it is sent, and its secret is shown nowhere.
#[test]
fn signed_request_proves_who_sends_it_and_shows_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (200, "{}".to_owned()));
    let flow = r#"
      - post:
          name: item
          url: "/items/a%20b?z=1&a={{ seq() }}"
          json: { id: 7 }
          sign: { aws: { service: execute-api, region: eu-west-1, access_key: "${C4_ID}", secret_key: "${C4_SECRET}", session_token: "${C4_TOKEN}" } }"#;
    written(folder.path(), "", flow);
    let out = folder.path().join("out");
    let mut command = plimsoll();
    command.arg("run").arg(folder.path()).args(["--target", &server.url]);
    command.envs([
        ("C4_ID", "c4n4ry-id"),
        ("C4_SECRET", "c4n4ry-key"),
        ("C4_TOKEN", "c4n4ry-token"),
    ]);
    let ran = run(&mut command, &out);
    let seen = server.seen();
    assert_eq!(seen[0].line, "POST /items/a%20b?z=1&a=1 HTTP/1.1", "{}", ran.stderr);
    let authorization = seen[0].header("authorization").expect("a signature");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=c4n4ry-id/"), "{authorization}");
    assert!(
        authorization.contains(
            "/eu-west-1/execute-api/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="
        ),
        "{authorization}"
    );
    assert_eq!(seen[0].header("x-amz-security-token"), Some("c4n4ry-token"));
    assert_ne!(seen[1].header("authorization"), Some(authorization), "each is signed on its own");
    let sent = format!("{seen:?}");
    assert!(!sent.contains("c4n4ry-key"), "{sent}");
    for entry in fs::read_dir(ran.folder.as_ref().expect("a run")).expect("its folder") {
        let path = entry.expect("an entry").path();
        let text = String::from_utf8_lossy(&fs::read(&path).expect("read")).into_owned();
        assert!(!text.contains("c4n4ry"), "{}", path.display());
    }
}

#[test]
fn request_of_any_method_goes_out_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = listening(|_| (207, "{}".to_owned()));
    let flow = r#"
      - request: { method: PROPFIND, name: list, url: /files/, headers: { depth: "1" }, check: { status: 207 } }
      - request: { method: GET, name: search, url: /_search, json: { size: 1 } }
      - request: { method: get, name: lower, url: /lower }
      - options: { name: preflight, url: /files/, headers: { origin: "https://shop.example" } }"#;
    written(folder.path(), "", flow);
    let out = folder.path().join("out");
    let ran = run(plimsoll().arg("run").arg(folder.path()).args(["--target", &server.url]), &out);
    let lines: Vec<String> =
        server.seen().iter().take(4).map(|request| request.line.clone()).collect();
    let expected = ["PROPFIND /files/", "GET /_search", "get /lower", "OPTIONS /files/"];
    assert_eq!(lines, expected.map(|line| format!("{line} HTTP/1.1")), "{}", ran.stderr);
    assert_eq!(server.seen()[1].body, r#"{"size":1}"#);
    assert_eq!(ran.count("/steps/list/requests"), 2);
    assert_eq!(ran.result()["errors"]["rate"], 0.0, "{}", ran.stdout);
}
