//! Playback: what a video player asks for and when, and how long its viewer waits.
//!
//! The player loads segments one after the other until `buffer` of them are ahead of the viewer, then one
//! for each that is played, with the keys and initialization sections that they need. A segment that comes after its
//! turn stalls the picture; the sum of such times over the time played is the rebuffer ratio. A live playlist is asked
//! for again as it grows, from three segments before its end on (RFC 8216 §6.3.3), and its viewer leaves by the clock.

use std::collections::VecDeque;
use std::sync::Arc;

use url::Url;

use crate::plan::VariantChoice;
use crate::units::{Nanos, RunTime};

use super::bandwidth::BandwidthEstimate;
use super::playlist::{
    ByteRange, MediaPlaylist, PlaylistError, Resource, SegmentLine, VariantStream,
};

/// So many keys a player remembers.
const KEYS_KEPT: usize = 16;

/// A playback under way.
#[derive(Debug)]
pub(super) struct Playback {
    /// When the viewer pressed play.
    pub(super) began: RunTime,
    /// How long the viewer watches.
    watch: Nanos,
    /// The segments from [`Self::first`] on, as far as they can be watched.
    pub(super) segments: Vec<Segment>,
    /// The next segment to load.
    pub(super) next: usize,
    /// The number of the segment before which the session was last renewed. It is not renewed twice there,
    /// however short it lives: a player goes on.
    pub(super) renewed: u64,
    /// URLs and bandwidths of the variants; none where the playlist names segments itself.
    variants: Vec<(String, u64)>,
    /// The variant that is played.
    variant: usize,
    /// Whether the variant's playlist is to be asked for before anything else.
    awaits_variant: bool,
    bandwidth: BandwidthEstimate,
    /// The number of the segment before which the variant was last chosen.
    chosen: u64,
    /// The number of the first of the segments.
    pub(super) first: u64,
    /// The number behind the last segment that a playlist has named; none before the first one that names any.
    end: Option<u64>,
    live: Option<LivePlaylist>,
    /// What is being loaded.
    loading: Loading,
    keys: VecDeque<Arc<str>>,
    map: Option<Arc<MediaResource>>,
    /// When the first segment was there.
    pub(super) shown: Option<RunTime>,
    /// The length of all that was loaded.
    pub(super) loaded: Nanos,
    /// How long the picture stood still.
    pub(super) stalled: Nanos,
}

/// A segment to be loaded.
#[derive(Debug)]
pub(super) struct Segment {
    resource: MediaResource,
    pub(super) length: Nanos,
    key: Option<Arc<str>>,
    map: Option<Arc<MediaResource>>,
    is_gap: bool,
}

/// What is asked for: a URL, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaResource {
    pub(super) url: String,
    pub(super) range: Option<ByteRange>,
}

/// What a player loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loading {
    Segment,
    Key,
    Map,
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
            variants: vec![],
            variant: 0,
            awaits_variant: false,
            bandwidth: BandwidthEstimate::default(),
            chosen: 0,
            first: 0,
            end: None,
            live: None,
            loading: Loading::Segment,
            keys: VecDeque::new(),
            map: None,
            shown: None,
            loaded: Nanos::ZERO,
            stalled: Nanos::ZERO,
        }
    }

    /// The number of the next segment.
    pub(super) fn number(&self) -> u64 {
        self.first.saturating_add(self.next as u64)
    }

    /// Takes a master playlist that came from `base`: the first one, or a new one after a renewal.
    ///
    /// # Errors
    /// Where it names what cannot be asked for.
    pub(super) fn take_variants(
        &mut self,
        variants: &[VariantStream<'_>],
        base: &Url,
        choice: VariantChoice,
    ) -> Result<(), PlaylistError> {
        let urls =
            variants.iter().map(|variant| Ok((resolved(base, variant.uri)?, variant.bandwidth)));
        let had = self.variants.len();
        self.variants = urls.collect::<Result<_, _>>()?;
        let rate = |at: &usize| self.variants[*at].1;
        let all = 0..self.variants.len();
        self.variant = match choice {
            VariantChoice::Adaptive if had == self.variants.len() => self.variant,
            // The author names first what is to be played first.
            VariantChoice::Adaptive | VariantChoice::First => 0,
            VariantChoice::Lowest => all.min_by_key(rate).unwrap_or(0),
            VariantChoice::Highest => all.rev().max_by_key(rate).unwrap_or(0),
        };
        self.awaits_variant = true;
        Ok(())
    }

    /// The URL of the variant's playlist, if that is to be asked for now.
    pub(super) fn awaited_variant(&self) -> Option<&str> {
        if self.awaits_variant { self.variant_url() } else { None }
    }

    /// The URL of the playlist of the variant that is played; none where there are no variants.
    pub(super) fn variant_url(&self) -> Option<&str> {
        self.variants.get(self.variant).map(|(url, _)| url.as_str())
    }

    /// Chooses the variant of the next segment by the bandwidth so far, once for each segment. Returns the URL of its
    /// playlist where it is another one.
    pub(super) fn switched(&mut self, choice: VariantChoice) -> Option<&str> {
        let number = self.number();
        if choice != VariantChoice::Adaptive || self.variants.len() < 2 || self.chosen == number {
            return None;
        }
        self.chosen = number;
        let rates: Vec<u64> = self.variants.iter().map(|(_, rate)| *rate).collect();
        let best = self.bandwidth.choose(&rates, self.variant);
        if best == self.variant {
            return None;
        }
        self.variant = best;
        self.variant_url()
    }

    /// Takes a media playlist that came from `base`: the first one, a new one after a renewal, that of another variant,
    /// or what a live one has become.
    ///
    /// # Errors
    /// Where it names what cannot be asked for.
    pub(super) fn take_list(
        &mut self,
        list: &MediaPlaylist<'_>,
        base: &Url,
        (buffer, now): (u32, RunTime),
    ) -> Result<(), PlaylistError> {
        self.awaits_variant = false;
        let (number, count) = (self.number(), list.segments.len());
        let end = list.first.saturating_add(count as u64);
        // A transmission that counts from the beginning again has been begun again.
        let restarts = list.live && count > 0 && end.saturating_add(count as u64) < number;
        let joins = self.end.is_none() || restarts;
        let from = match (joins, list.live) {
            (true, true) => count.saturating_sub(buffer as usize),
            (true, false) => 0,
            // What has left the playlist meanwhile cannot be loaded any more.
            (false, _) => count.min(number.saturating_sub(list.first) as usize),
        };
        self.first = list.first.saturating_add(from as u64);
        if !joins {
            self.first = self.first.max(number);
        }
        let grew = joins || self.end.is_none_or(|known| end > known);
        let pause = if grew { list.target } else { Nanos::new(list.target.get() / 2) };
        self.live = list.live.then_some(LivePlaylist { due: now + pause });
        if count > 0 {
            self.end = Some(end);
        }
        self.next = 0;
        self.segments = self.watchable(&list.segments[from..], base)?;
        Ok(())
    }

    /// As many of `lines` as the viewer may still watch.
    fn watchable(
        &self,
        lines: &[SegmentLine<'_>],
        base: &Url,
    ) -> Result<Vec<Segment>, PlaylistError> {
        let wanted = self.watch.saturating_sub(self.loaded);
        let mut length = Nanos::ZERO;
        let mut segments: Vec<Segment> = vec![];
        let mut known: (Option<Resource<'_>>, Option<Arc<MediaResource>>) = (None, None);
        for line in lines {
            if length >= wanted {
                break;
            }
            length += line.length;
            if line.map != known.0 {
                let map = line.map.map(|map| fetched(base, map)).transpose()?;
                known = (line.map, map.map(Arc::new));
            }
            // What decrypts it may not be had over HTTP: then nobody asks for it.
            let key = line.key.and_then(|uri| resolved(base, uri).ok());
            let last = segments.last().and_then(|last| last.key.clone());
            let key =
                key.map(|key| last.filter(|last| **last == *key).unwrap_or_else(|| key.into()));
            segments.push(Segment {
                resource: fetched(base, line.resource)?,
                length: line.length,
                key,
                map: known.1.clone(),
                is_gap: line.is_gap,
            });
        }
        Ok(segments)
    }

    /// Passes over segments that the playlist says are missing.
    pub(super) fn pass_gaps(&mut self) {
        while let Some(gap) = self.segments.get(self.next).filter(|segment| segment.is_gap) {
            self.loaded += gap.length;
            self.next += 1;
        }
    }

    /// What to load now: the next segment, or what it needs first. None where no segment is known.
    pub(super) fn next_resource(&mut self) -> Option<MediaResource> {
        let segment = self.segments.get(self.next)?;
        if let Some(key) = segment.key.as_ref().filter(|key| !self.keys.contains(key)) {
            self.loading = Loading::Key;
            return Some(MediaResource { url: (**key).to_owned(), range: None });
        }
        if let Some(map) = segment.map.as_ref().filter(|map| self.map.as_ref() != Some(map)) {
            self.loading = Loading::Map;
            return Some((**map).clone());
        }
        self.loading = Loading::Segment;
        Some(segment.resource.clone())
    }

    /// Counts what a segment of `bytes` and `time` says of the bandwidth.
    pub(super) fn measured(&mut self, bytes: u64, time: Nanos) {
        if self.loading == Loading::Segment {
            self.bandwidth.add(bytes, time);
        }
    }

    /// Counts what came at `now`; whether it is the first segment.
    pub(super) fn resource_came(&mut self, now: RunTime) -> bool {
        let Some(segment) = self.segments.get(self.next) else { return false };
        match self.loading {
            Loading::Segment => return self.segment_came(now),
            Loading::Key => {
                self.keys.extend(segment.key.clone());
                if self.keys.len() > KEYS_KEPT {
                    self.keys.pop_front();
                }
            }
            Loading::Map => self.map.clone_from(&segment.map),
        }
        false
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
        if let Some(segment) = self.segments.get(self.next) {
            self.loaded += segment.length;
        }
        self.next += 1;
        first
    }
}

/// A reference in a playlist as a URL (RFC 3986 §5.2, as browsers read it).
fn resolved(base: &Url, reference: &str) -> Result<String, PlaylistError> {
    let refused = || PlaylistError::Reference(reference.chars().take(200).collect());
    let url = base.join(reference).map_err(|_| refused())?;
    let is_fetched = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_fetched { Ok(url.into()) } else { Err(refused()) }
}

fn fetched(base: &Url, resource: Resource<'_>) -> Result<MediaResource, PlaylistError> {
    Ok(MediaResource { url: resolved(base, resource.uri)?, range: resource.range })
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
    use crate::user::playlist::{Playlist, parse};
    use crate::user::{Action, Response, ResponseHeaders, User, UserFactory};

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
                Action::Send(attempt) => {
                    let id = attempt.request;
                    let mut url = vec![];
                    user.render(&plan.requests[id.0 as usize].url, &mut url).expect("a URL");
                    let url = String::from_utf8_lossy(&url).into_owned();
                    let url = url.strip_prefix(TARGET).map_or(url.clone(), str::to_owned);
                    now = now + Nanos::from_millis(100);
                    let body = server(&url, second(now));
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

    fn answer(user: &mut User, (id, path): (crate::plan::RequestId, &str), body: &str) {
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
