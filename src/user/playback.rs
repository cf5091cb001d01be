//! Playback: what a video player asks for and when, and how long its viewer waits.
//!
//! The player loads segments one after the other until `buffer` of them are ahead of the viewer, then one
//! for each that is played. A segment that comes after its turn stalls the picture; the sum of such times
//! over the time played is the rebuffer ratio. A live playlist is asked for again as it grows, from three
//! segments before its end on (RFC 8216 §6.3.3), and its viewer leaves by the clock.

use crate::units::{Nanos, RunTime};

use super::playlist::{MediaPlaylist, resolved};

/// A playback under way.
#[derive(Debug)]
pub(super) struct Playback {
    /// When the viewer pressed play.
    pub(super) began: RunTime,
    /// How long the viewer watches.
    watch: Nanos,
    /// URLs and lengths of segments.
    pub(super) segments: Vec<(String, Nanos)>,
    /// The next segment to load.
    pub(super) next: usize,
    /// The number of the segment before which the session was last renewed. It is not renewed twice there,
    /// however short it lives: a player goes on.
    pub(super) renewed: u64,
    /// The URL of the chosen variant; none where the playlist names segments itself.
    pub(super) variant: Option<String>,
    /// Whether the next playlist that comes is that of the variant.
    pub(super) at_variant: bool,
    /// The number of the first segment of the playlist.
    pub(super) first: u64,
    live: Option<LivePlaylist>,
    /// When the first segment was there.
    pub(super) shown: Option<RunTime>,
    /// The length of all that was loaded.
    pub(super) loaded: Nanos,
    /// How long the picture stood still.
    pub(super) stalled: Nanos,
}

/// What is known of a live playlist.
#[derive(Debug, Clone, Copy)]
struct LivePlaylist {
    /// When it is asked for again: after a segment's length, or half of it where nothing was new (RFC 8216 §6.3.4).
    due: RunTime,
}

/// Where a player goes in its program.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaybackJumps {
    pub(super) renew: u32,
    /// The request for the playlist, and the one for its variant.
    pub(super) reload: (u32, u32),
    pub(super) end: u32,
}

impl Playback {
    pub(super) fn new(now: RunTime, watch: Nanos) -> Self {
        Self {
            began: now,
            watch,
            segments: vec![],
            next: 0,
            renewed: 0,
            variant: None,
            at_variant: false,
            first: 0,
            live: None,
            shown: None,
            loaded: Nanos::ZERO,
            stalled: Nanos::ZERO,
        }
    }

    /// Takes a playlist: the first one, a new one after a renewal, or what a live one has become.
    pub(super) fn take_list(
        &mut self,
        list: MediaPlaylist,
        base: &str,
        (buffer, now): (u32, RunTime),
    ) {
        let was_empty = self.segments.is_empty();
        let (number, end) =
            (self.first + self.next as u64, self.first + self.segments.len() as u64);
        let new_end = list.first + list.segments.len() as u64;
        self.next = match (was_empty, list.live) {
            (true, true) => list.segments.len().saturating_sub(buffer as usize),
            // What has left the playlist meanwhile cannot be loaded any more.
            _ => number.saturating_sub(list.first) as usize,
        };
        let grew = was_empty || new_end > end;
        let pause = if grew { list.target } else { Nanos::new(list.target.get() / 2) };
        self.live = list.live.then_some(LivePlaylist { due: now + pause });
        self.first = list.first;
        let urls = list.segments.into_iter().map(|(name, span)| (resolved(base, &name), span));
        self.segments = urls.collect();
    }

    /// When the playback is over, if no more is loaded: at the end of what is watched, or of the film. The viewer of
    /// something live leaves by the clock, whether the picture moves or not.
    pub(super) fn stops(&mut self, now: RunTime) -> Option<RunTime> {
        if self.loaded >= self.watch {
            return Some(self.plays_until(self.watch));
        }
        if self.live.is_none() {
            let over = self.next >= self.segments.len();
            return over.then(|| self.plays_until(self.loaded));
        }
        let leaves = self.leaves();
        (now >= leaves).then(|| {
            self.stalled += leaves.since(self.plays_until(self.loaded));
            leaves
        })
    }

    /// When the viewer of something live leaves.
    pub(super) fn leaves(&self) -> RunTime {
        self.shown.unwrap_or(self.began) + self.watch
    }

    /// When a live playlist is asked for again, or its viewer leaves.
    pub(super) fn reload_due(&self) -> RunTime {
        self.live.map_or(self.began, |live| live.due.min(self.leaves()))
    }

    /// How long the picture moved.
    pub(super) fn played(&self) -> Nanos {
        let seen = self.loaded.min(self.watch);
        if self.live.is_some() { seen.min(self.watch.saturating_sub(self.stalled)) } else { seen }
    }

    /// When the viewer will have seen so much, if nothing stalls from now on.
    pub(super) fn plays_until(&self, seen: Nanos) -> RunTime {
        self.shown.map_or(self.began, |shown| shown + self.stalled + seen)
    }

    /// Counts the segment that came at `now`; whether it is the first.
    pub(super) fn segment_came(&mut self, now: RunTime) -> bool {
        let first = self.shown.is_none();
        if first {
            self.shown = Some(now);
        } else {
            // Its turn comes when all before it has been played.
            self.stalled += now.since(self.plays_until(self.loaded));
        }
        if let Some((_, length)) = self.segments.get(self.next) {
            self.loaded += *length;
        }
        self.next += 1;
        first
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::metrics::{Outcome, SampleKind, ScenarioId};
    use crate::plan::{Overrides, compile};
    use crate::scenario::load;
    use crate::schedule::Arrival;
    use crate::user::{Action, Response, ResponseHeaders, User, UserFactory};

    /// Goal: a late segment stalls the picture by exactly its lateness, and only once.
    #[test]
    fn late_segment_stalls_by_its_lateness() {
        let second = |s: u64| RunTime::ZERO + Nanos::from_secs(s);
        let mut playing = Playback::new(second(0), Nanos::from_secs(60));
        playing.segments = (0..9).map(|n| (n.to_string(), Nanos::from_secs(4))).collect();
        assert!(playing.segment_came(second(1)));
        // Played until 5; comes at 7: two seconds late.
        assert!(!playing.segment_came(second(7)));
        assert_eq!(playing.stalled, Nanos::from_secs(2));
        // Its turn is at 11: in time.
        playing.segment_came(second(11));
        assert_eq!(playing.stalled, Nanos::from_secs(2));
        assert_eq!(playing.plays_until(playing.loaded), second(15));
    }

    /// What a viewer asked for, with the second in which it came, and how long it played and stalled.
    #[derive(Debug, Default)]
    struct Watched {
        playlists: Vec<u64>,
        segments: Vec<(String, u64)>,
        played: Nanos,
        stalled: Nanos,
        ended: u64,
    }

    /// Watches for 40 s what `server` answers to a URL at a second; every answer takes 100 ms.
    fn watched(server: impl Fn(&str, u64) -> String) -> Watched {
        let text = "name: x\ntarget: http://127.0.0.1:81\nworkloads: { a: { vus: 1, duration: 1s } }\n\
             scenarios: { s: { flow: [{ hls: { name: p, watch: 40s, segment: { name: segment }, \
             manifest: { name: list, url: /tv/main.m3u8 } } }] } }\n";
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
                Action::Send(id) => {
                    let mut url = vec![];
                    user.render(&plan.requests[id.0 as usize].url, &mut url).expect("a URL");
                    let url = String::from_utf8_lossy(&url).into_owned();
                    now = now + Nanos::from_millis(100);
                    let body = server(&url, second(now));
                    answer(&mut user, id, &body);
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

    fn answer(user: &mut User, id: crate::plan::RequestId, body: &str) {
        struct NoHeaders;
        impl ResponseHeaders for NoHeaders {
            fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {}
        }
        let (body, size) = (body.as_bytes(), body.len() as u64);
        let service_time = Nanos::from_millis(100);
        let response = Response { status: 200, headers: &NoHeaders, body, size, service_time };
        assert_eq!(user.on_response(id, &response).outcome, Outcome::Ok);
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
        let expected: Vec<String> =
            (23..23 + names.len()).map(|n| format!("/tv/s{n}.ts")).collect();
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
        assert!(
            watched.segments.iter().all(|(url, _)| url.starts_with("/tv/low/s")),
            "{watched:?}"
        );
        assert!(watched.playlists.len() > 7, "{watched:?}");
    }
}
