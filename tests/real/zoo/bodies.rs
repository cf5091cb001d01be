//! Servers whose bodies are looked into, and never end.

use super::{Cage, play};

const HELD: &[Cage] = &[Cage {
    name: "holds",
    step: "{ get: { name: NAME, url: URL/, timeout: 500ms, check: { body: end } } }",
    deed: |visitor| {
        visitor.send(b"HTTP/1.1 200 OK\r\ncontent-length: 16000000\r\n\r\n")?;
        visitor.send(&vec![b'x'; 15_000_000])?;
        visitor.wait()
    },
    row: "",
    class: "body_too_large",
    message: "http.max_memory",
}];

/// Goal: prove that bodies hold no more memory together than they may, however many come at once.
/// Method: twenty bodies of 15 MB under way at once, of which two fit.
#[test]
fn bodies_hold_no_more_memory_together_than_they_may() {
    let (result, _) = play(HELD, "{ max_memory: 32 MiB }", 40);
    let memory = result["generator"]["memory_max_bytes"].as_f64().expect("a number");
    println!("memory {memory} bytes");
    assert!(memory < 100e6, "{memory} bytes");
    let errors = &result["whole_run"]["steps"]["holds"]["errors"]["by_class"];
    assert!(errors["body_too_large"].as_u64().is_some_and(|count| count > 0), "{errors}");
    let examples = result["error_examples"].to_string();
    assert!(
        examples.contains("would hold more than 32 MiB a worker (`http.max_memory`)"),
        "{examples}"
    );
}
