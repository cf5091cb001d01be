//! The jar against the cases that the IETF's working group on HTTP state published with RFC 6265, and what its
//! successor adds.

use super::*;

/// Spring 2011, when the cases were written.
const NOW: CookieTime = CookieTime { run: RunTime::ZERO, unix: 1_303_000_000 };

struct Headers(Vec<String>);

impl ResponseHeaders for Headers {
    fn each(&self, _: &str, visit: &mut dyn FnMut(&[u8])) {
        self.0.iter().for_each(|value| visit(value.as_bytes()));
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// The header sent to `to` after `from` has set `cookies`.
fn sent(from: &str, cookies: &[&str], to: &str) -> String {
    let mut jar = CookieJar::default();
    jar.absorb(&Headers(cookies.iter().map(|&text| text.to_owned()).collect()), &url(from), NOW);
    jar.header(&url(to), "", NOW.run)
}

#[test]
fn published_cases_come_out_as_published() {
    let cases: Vec<(String, Vec<String>, String, String)> =
        serde_json::from_str(include_str!("../../../../tests/data/cookies/parser.json"))
            .expect("cases");
    assert_eq!(cases.len(), 217);
    for (name, received, to, header) in cases {
        let received: Vec<&str> = received.iter().map(String::as_str).collect();
        let from = "http://home.example.org:8888/cookie-parser?case";
        assert_eq!(sent(from, &received, &to), header, "{name}: {received:?}");
    }
}

#[test]
fn published_dates_are_read_as_published() {
    let cases: Vec<(String, Option<String>)> =
        serde_json::from_str(include_str!("../../../../tests/data/cookies/dates.json"))
            .expect("cases");
    for (text, expected) in cases {
        let expected = expected.map(|date| {
            let parsed = jiff::fmt::rfc2822::parse(&date.replace("GMT", "+0000"));
            parsed.expect("a date").timestamp().as_second()
        });
        assert_eq!(date::parse(&text), expected, "{text}");
    }
}

#[test]
fn cookies_stay_with_the_host_and_scheme_they_are_for() {
    let shop = "https://shop.example/a/b";
    assert_eq!(sent(shop, &["s=1; Secure"], "http://shop.example/"), "");
    assert_eq!(sent("http://shop.example/", &["s=1; Secure"], shop), "", "set in the open");
    let here = "http://127.0.0.1:8080/";
    assert_eq!(sent(here, &["s=1; Secure; Path=/"], here), "s=1", "this machine is trusted");
    assert_eq!(sent("http://10.0.0.1/", &["s=1; Domain=0.0.1"], "http://7.0.0.1/"), "");
    assert_eq!(sent(shop, &["s=1; Domain=example"], "https://other.example/"), "", "a suffix");
    assert_eq!(sent("http://localhost/", &["s=1; Domain=localhost"], "http://localhost/"), "s=1");
}

#[test]
fn prefixed_names_keep_their_promise() {
    let shop = "https://shop.example/";
    let kept = |cookie: &str| !sent(shop, &[cookie], shop).is_empty();
    assert!(kept("__Host-s=1; Secure; Path=/") && kept("__Secure-s=1; Secure"));
    assert!(!kept("__Host-s=1; Secure; Path=/; Domain=shop.example"));
    assert!(!kept("__Host-s=1; Secure") && !kept("__Secure-s=1; Path=/"));
}

#[test]
fn cookie_lasts_as_long_as_it_is_said_to() {
    let mut jar = CookieJar::default();
    let set = |jar: &mut CookieJar, text: &str, seconds: u64| {
        let now = NOW.run + Nanos::from_secs(seconds);
        let now = CookieTime { run: now, unix: NOW.unix + seconds.cast_signed() };
        jar.absorb(&Headers(vec![text.to_owned()]), &url("http://a.example/"), now);
    };
    let at = |jar: &CookieJar, seconds| {
        jar.header(&url("http://a.example/"), "", NOW.run + Nanos::from_secs(seconds))
    };
    set(&mut jar, "a=1; Max-Age=60", 0);
    set(&mut jar, "b=1; Expires=Sun, 17 Apr 2011 00:28:40 GMT", 0);
    set(&mut jar, "c=1; Max-Age=99999999999999999999", 0);
    assert_eq!(at(&jar, 59), "a=1; b=1; c=1");
    assert_eq!(at(&jar, 60), "b=1; c=1");
    assert_eq!(at(&jar, 119), "b=1; c=1");
    assert_eq!(at(&jar, 120), "c=1");
    set(&mut jar, "b=2", 5);
    assert_eq!(at(&jar, 5), "a=1; b=2; c=1", "a new value keeps its age");
}

#[test]
fn own_cookies_come_first_and_once() {
    let mut jar = CookieJar::default();
    let here = url("http://a.example/");
    assert_eq!(jar.header(&here, "consent=yes", NOW.run), "", "nothing to add");
    jar.absorb(&Headers(vec!["sid=1".into(), "consent=no".into()]), &here, NOW);
    assert_eq!(jar.header(&here, "consent=yes; x=2", NOW.run), "consent=yes; x=2; sid=1");
}

#[test]
fn jar_is_bounded() {
    let mut jar = CookieJar::default();
    let many = (0..1_000).map(|n| format!("c{n}=1")).collect();
    jar.absorb(&Headers(many), &url("http://a.example/"), NOW);
    assert_eq!(jar.0.len(), MAX_COOKIES);
    assert_eq!(&*jar.0[0].name, "c700", "the oldest leave");
    let long = format!("a={}", "v".repeat(4_096));
    assert_eq!(sent("http://a.example/", &[&long], "http://a.example/"), "");
}
