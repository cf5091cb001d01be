//! What a viewer loads, and when the picture stands still.

mod ffmpeg;

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::playlist::{Playlist, parse};
use crate::{Action, Response, ResponseHeaders, User, UserFactory};
use plimsoll_metrics::{ErrorClass, Outcome, SampleKind, ScenarioId};
use plimsoll_plan::{Overrides, compile};
use plimsoll_scenario::load;
use plimsoll_schedule::Arrival;

/// Goal: a late segment stalls the picture by exactly its lateness, and only once.
#[test]
fn late_segment_stalls_by_its_lateness() {
    let second = |s: u64| RunTime::ZERO + Nanos::from_secs(s);
    let mut playing = Playback::new(second(0), Nanos::from_secs(60));
    let base = Url::parse("http://h/a.m3u8").expect("a URL");
    let list = format!("#EXTM3U\n{}#EXT-X-ENDLIST\n", "#EXTINF:4,\ns\n".repeat(9));
    let Ok(Playlist::Media(list)) = parse(list.as_bytes()) else { panic!("no playlist") };
    playing.take_list(&list, &base, (3, second(0))).expect("valid");
    assert!(playing.segment_came(second(1)));
    // Played until 5; comes at 7: two seconds late.
    assert!(!playing.segment_came(second(7)));
    assert_eq!(playing.stalled, Nanos::from_secs(2));
    // Its turn is at 11: in time.
    playing.segment_came(second(11));
    assert_eq!(playing.stalled, Nanos::from_secs(2));
    assert_eq!(playing.plays_until(playing.playable()), second(15));
}

/// What a viewer asked for, with the second in which it came, and how long it played and stalled.
#[derive(Debug, Default)]
struct Watched {
    playlists: Vec<u64>,
    segments: Vec<(String, u64)>,
    /// What the server refused, and which attempt that was.
    refused: Vec<(String, u16)>,
    played: Nanos,
    stalled: Nanos,
    ended: u64,
}

/// Watches for 40 s what `server` answers to a URL at a second; every answer takes 100 ms.
fn watched(server: impl Fn(&str, u64) -> String) -> Watched {
    watched_by(("stop", ""), |url, now| Some(server(url, now)))
}

/// The same with what follows a request that the server refuses, where it answers nothing, and the step behind it.
fn watched_by(
    (on_failure, behind): (&str, &str),
    mut server: impl FnMut(&str, u64) -> Option<String>,
) -> Watched {
    let text = format!(
        "name: x\ntarget: http://127.0.0.1:81\nworkloads: {{ a: {{ vus: 1, duration: 1s }} }}\n\
         scenarios: {{ s: {{ flow: [{{ hls: {{ name: p, watch: 40s, segment: {{ name: segment }}, \
         manifest: {{ name: list, url: /tv/main.m3u8 }}, on_failure: {on_failure} }} }}{behind}] }} }}\n"
    );
    let load = load(Path::new("a.yaml"), &[], &|_| Ok(text.as_bytes().to_vec()), &|_| None);
    let today = jiff::civil::date(2026, 1, 31);
    let plan = Arc::new(compile(&load, &Overrides::default(), today).expect("valid"));
    let mut user = UserFactory::new(plan.clone()).user(0);
    let second = |at: RunTime| at.get() / 1_000_000_000;
    let mut now = RunTime::ZERO + Nanos::from_secs(100);
    user.begin(ScenarioId(0), &Arrival::alone(0, now));
    let mut watched = Watched::default();
    for _ in 0..500 {
        match user.next_action(now) {
            Action::Send(attempt) => {
                let id = attempt.request;
                let mut url = vec![];
                user.render(&plan.requests[id.0 as usize].url, &mut url).expect("a URL");
                let url = String::from_utf8_lossy(&url).into_owned();
                let url = url.strip_prefix(TARGET).map_or(url.clone(), str::to_owned);
                now = now + Nanos::from_millis(100);
                let Some(body) = server(&url, second(now)) else {
                    watched.refused.push((url, attempt.number));
                    user.on_failure(id, ErrorClass::Reset);
                    continue;
                };
                answer(&mut user, (id, &url), &body);
                if url.ends_with("m3u8") {
                    watched.playlists.push(second(now));
                } else {
                    watched.segments.push((url, second(now)));
                }
            }
            Action::Wait(until) => now = until,
            Action::DerivedTiming(sample) => match plan.steps[sample.step.0 as usize].kind {
                SampleKind::Played => watched.played = sample.response_time(),
                SampleKind::Stalled => watched.stalled = sample.response_time(),
                _ => {}
            },
            Action::Done => break,
            other => panic!("{other:?}"),
        }
    }
    watched.ended = second(now);
    watched
}

const TARGET: &str = "http://127.0.0.1:81";

fn answer(user: &mut User, (id, path): (plimsoll_plan::RequestId, &str), body: &str) {
    struct NoHeaders;
    impl ResponseHeaders for NoHeaders {
        fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
    }
    let (body, size) = (body.as_bytes(), body.len() as u64);
    let service_time = Nanos::from_millis(100);
    let url = Url::parse(TARGET).and_then(|url| url.join(path)).ok();
    let url = url.as_ref();
    let response = Response { status: 200, headers: &NoHeaders, url, body, size, service_time };
    assert_eq!(user.on_response(id, &response).outcome, Outcome::Ok);
}

/// Goal: prove that a film is never asked for again, wherever a segment is missing that its playlist owns up to.
#[test]
fn film_with_gaps_is_asked_for_once() {
    let segment = |name: &str| format!("#EXTINF:4,\n{name}.ts\n");
    let gap = "#EXT-X-GAP\n#EXTINF:4,\ngone.ts\n";
    let [a, b] = ["a", "b"].map(segment);
    for film in [format!("{a}{b}{gap}"), format!("{gap}{a}{b}"), format!("{a}{gap}{gap}{b}{gap}")] {
        let watched = watched(|_, _| format!("#EXTM3U\n{film}#EXT-X-ENDLIST\n"));
        assert_eq!(watched.playlists, [100], "{film}");
        let urls: Vec<&str> = watched.segments.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(urls, ["/tv/a.ts", "/tv/b.ts"], "{film}");
    }
}

/// Six segments of 4 s, the last of which was finished at `now`.
fn window(now: u64) -> String {
    let last = now / 4;
    let segments: Vec<String> =
        (last - 5..=last).map(|n| format!("#EXTINF:4.0,\ns{n}.ts\n")).collect();
    let segments = segments.concat();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{}\n{segments}", last - 5)
}

#[test]
fn live_playlist_is_followed_from_near_its_end() {
    let watched = watched(|_, now| window(now));
    let names: Vec<&str> = watched.segments.iter().map(|(url, _)| url.as_str()).collect();
    // At 100 s the playlist ends with segment 25; ten and the buffer follow each other without a gap.
    let expected: Vec<String> = (23..23 + names.len()).map(|n| format!("/tv/s{n}.ts")).collect();
    assert_eq!(names, expected);
    assert!((10..=13).contains(&names.len()), "{watched:?}");
    assert_eq!(watched.stalled, Nanos::ZERO, "{watched:?}");
    assert!((7..=12).contains(&watched.playlists.len()), "{watched:?}");
    // No segment is asked for before it is finished.
    for (name, at) in &watched.segments {
        let number: u64 = name["/tv/s".len()..name.len() - 3].parse().expect("a number");
        assert!(number <= at / 4, "{name} at {at} s");
    }
    assert!((139..=141).contains(&watched.ended), "{watched:?}");
}

/// Goal: a transmission that freezes stalls its viewers until they leave.
#[test]
fn frozen_live_playlist_stalls_until_the_viewer_leaves() {
    let watched = watched(|_, now| window(now.min(112)));
    // Segments 23 to 28 are 24 s of the 40 s.
    assert_eq!(watched.segments.len(), 6, "{watched:?}");
    assert_eq!((watched.played, watched.stalled), (Nanos::from_secs(24), Nanos::from_secs(16)));
    // Asked for every 2 s where nothing is new.
    assert!((10..=22).contains(&watched.playlists.len()), "{watched:?}");
    assert!((139..=141).contains(&watched.ended), "{watched:?}");
}

#[test]
fn variant_of_a_live_transmission_is_asked_for_again_and_names_are_beside_it() {
    let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/list.m3u8\n";
    let mains = std::cell::Cell::new(0);
    let watched = watched(|url, now| {
        if url == "/tv/main.m3u8" {
            mains.set(mains.get() + 1);
            return master.to_owned();
        }
        window(now)
    });
    assert_eq!(mains.get(), 1, "{watched:?}");
    assert!(watched.segments.iter().all(|(url, _)| url.starts_with("/tv/low/s")), "{watched:?}");
    assert!(watched.playlists.len() > 7, "{watched:?}");
}

const SOUND: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",URI=\"de.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,AUTOSELECT=YES,URI=\"en/list.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",AUTOSELECT=YES,URI=\"text.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\",SUBTITLES=\"s\"\npictures.m3u8\n";

/// Segments of `seconds` each, and more of them than are watched.
fn film(name: &str, seconds: f64, count: usize) -> String {
    let segments: Vec<String> =
        (0..count).map(|n| format!("#EXTINF:{seconds},\n{name}{n}\n")).collect();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:9\n{}#EXT-X-ENDLIST\n", segments.concat())
}

fn names(watched: &Watched) -> Vec<&str> {
    watched.segments.iter().map(|(url, _)| url.as_str()).collect()
}

/// Goal: the sound that comes apart is loaded beside the picture, what is behind first, and nothing that a viewer
/// who has chosen nothing does not hear.
#[test]
fn rendition_is_loaded_beside_its_variant() {
    let watched = watched(|url, _| match url {
        "/tv/main.m3u8" => SOUND.to_owned(),
        "/tv/pictures.m3u8" => film("p", 8.0, 9),
        "/tv/en/list.m3u8" => film("e", 5.0, 20),
        _ => String::new(),
    });
    let first = ["/tv/p0", "/tv/en/e0", "/tv/en/e1", "/tv/p1", "/tv/en/e2", "/tv/en/e3"];
    assert_eq!(names(&watched)[..6], first, "{watched:?}");
    // 40 s are five segments of the picture and eight of the sound; three playlists.
    assert_eq!((watched.segments.len(), watched.playlists.len()), (13, 3), "{watched:?}");
    assert_eq!((watched.played, watched.stalled), (Nanos::from_secs(40), Nanos::ZERO));
}

/// Goal: sound that ends before the picture does not hold it up, and one that comes late does.
#[test]
fn picture_waits_for_its_sound_as_long_as_there_is_some() {
    let short = watched(|url, _| match url {
        "/tv/main.m3u8" => SOUND.to_owned(),
        "/tv/pictures.m3u8" => film("p", 10.0, 3),
        "/tv/en/list.m3u8" => film("e", 9.9, 3),
        _ => String::new(),
    });
    assert_eq!((short.segments.len(), short.stalled), (6, Nanos::ZERO), "{short:?}");
    assert_eq!(short.played, Nanos::from_secs(30), "{short:?}");
    let mut playing = Playback::new(RunTime::ZERO, Nanos::from_secs(60));
    let base = Url::parse("http://h/tv/main.m3u8").expect("a URL");
    let second = |s: u64| RunTime::ZERO + Nanos::from_secs(s);
    let Ok(Playlist::Master(master)) = parse(SOUND.as_bytes()) else { panic!("no playlist") };
    playing.take_variants(&master, &base, VariantChoice::First).expect("valid");
    for name in ["p", "e"] {
        assert!(playing.ask_for_list().is_some(), "{name}");
        let list = film(name, 4.0, 9);
        let Ok(Playlist::Media(list)) = parse(list.as_bytes()) else { panic!("no playlist") };
        playing.take_list(&list, &base, (3, second(0))).expect("valid");
    }
    assert_eq!(playing.ask_for_list(), None);
    let mut came = |at: u64| {
        playing.choose_track();
        let url = playing.next_resource().expect("a segment").url;
        (url, playing.resource_came(second(at)), playing.stalled)
    };
    let url = |name: &str| format!("http://h/tv/{name}");
    assert_eq!(came(1), (url("p0"), false, Nanos::ZERO));
    // Picture and sound are there: it is shown from second 2 to 6.
    assert_eq!(came(2), (url("e0"), true, Nanos::ZERO));
    assert_eq!(came(3), (url("p1"), false, Nanos::ZERO));
    assert_eq!(came(9), (url("e1"), false, Nanos::from_secs(3)));
}

#[test]
fn sound_of_a_live_transmission_is_asked_for_again_beside_the_picture() {
    let watched = watched(|url, now| match url {
        "/tv/main.m3u8" => SOUND.to_owned(),
        _ => window(now),
    });
    assert_eq!(watched.stalled, Nanos::ZERO, "{watched:?}");
    let sound = names(&watched).iter().filter(|name| name.starts_with("/tv/en/s")).count();
    let picture = names(&watched).len() - sound;
    assert!((10..=13).contains(&sound) && sound.abs_diff(picture) <= 1, "{watched:?}");
    assert!((15..=26).contains(&watched.playlists.len()), "{watched:?}");
    assert!((139..=141).contains(&watched.ended), "{watched:?}");
}

/// Goal: a viewer who changes the variant goes on where they were, with the sound of the new one.
#[test]
fn other_variant_brings_its_own_sound_from_where_the_viewer_is() {
    let master = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"en\",DEFAULT=YES,URI=\"hi.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=100\nlow.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=800,AUDIO=\"hi\"\nhigh.m3u8\n";
    let watched = watched(|url, _| match url {
        "/tv/main.m3u8" => master.to_owned(),
        "/tv/low.m3u8" => film("l", 4.0, 12),
        "/tv/high.m3u8" => film("h", 4.0, 12),
        "/tv/hi.m3u8" => film("s", 4.0, 12),
        // Much more than either variant needs.
        _ => "x".repeat(100_000),
    });
    let found = names(&watched);
    assert_eq!(found[..4], ["/tv/l0", "/tv/h1", "/tv/s1", "/tv/h2"], "{watched:?}");
    assert_eq!(found.len(), 1 + 9 + 9, "{watched:?}");
    assert_eq!(watched.stalled, Nanos::ZERO, "{watched:?}");
}

/// Goal: a playlist and a segment that fail are asked for again, each alone, and their viewer waits as long as that takes.
#[test]
fn parts_that_fail_are_asked_for_again() {
    let mut refused = vec!["/tv/main.m3u8", "/tv/a0", "/tv/a4"];
    let server = |url: &str, _| match refused.iter().position(|known| *known == url) {
        Some(at) => {
            refused.remove(at);
            None
        }
        None if url.ends_with("m3u8") => Some(film("a", 4.0, 12)),
        None => Some("x".to_owned()),
    };
    let watched = watched_by(("{ retry: { times: 1, wait: 2s } }", ""), server);
    let expected = ["/tv/main.m3u8", "/tv/a0", "/tv/a4"].map(|url| (url.to_owned(), 0));
    assert_eq!(watched.refused, expected, "{watched:?}");
    let all: Vec<String> = (0..names(&watched).len()).map(|n| format!("/tv/a{n}")).collect();
    assert_eq!(names(&watched), all, "{watched:?}");
    assert_eq!((watched.played, watched.stalled), (Nanos::from_secs(40), Nanos::ZERO));
}

#[test]
fn playback_whose_attempts_are_used_up_ends_or_lets_its_viewer_go_on() {
    let server = |url: &str, _| match url {
        "/tv/a2" => None,
        "/tv/main.m3u8" => Some(film("a", 4.0, 12)),
        _ => Some("x".to_owned()),
    };
    let (retry, behind) = ("{ retry: { times: 2, wait: 1s }", ", { think: 7s }");
    let stops = watched_by((&format!("{retry} }}"), behind), server);
    let attempts: Vec<u16> = stops.refused.iter().map(|(_, number)| *number).collect();
    assert_eq!(attempts, [0, 1, 2], "{stops:?}");
    assert_eq!((names(&stops).len(), stops.ended), (2, 102), "{stops:?}");
    let goes_on = watched_by((&format!("{retry}, then: continue }}"), behind), server);
    assert_eq!((names(&goes_on).len(), goes_on.ended), (2, 109), "{goes_on:?}");
}
