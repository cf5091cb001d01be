//! Playback: what a video player asks for and when, and how long its viewer waits.
//!
//! The player loads segments one after the other until `buffer` of them are ahead of the viewer, then one
//! for each that is played. A segment that comes after its turn stalls the picture; the sum of such times
//! over the time played is the rebuffer ratio.

use minijinja::Value;

use super::{Action, User, think};
use crate::metrics::Outcome;
use crate::plan::{Op, PlaybackPlan, RenderError};
use crate::units::{Nanos, RunTime};

/// A playback under way.
#[derive(Debug)]
pub(super) struct Playback {
    /// When the viewer pressed play.
    began: RunTime,
    /// How long the viewer watches.
    watch: Nanos,
    /// URLs and lengths of segments.
    segments: Vec<(String, Nanos)>,
    /// The next segment to load.
    next: usize,
    /// The segment before which the session was last renewed. It is not renewed twice there, however short it
    /// lives: a player goes on.
    renewed: usize,
    /// When the first segment was there.
    shown: Option<RunTime>,
    /// The length of all that was loaded.
    loaded: Nanos,
    /// How long the picture stood still.
    stalled: Nanos,
}

/// What a playlist says.
enum PlayList {
    /// The first of several variants.
    Variant(String),
    Segments(Vec<(String, Nanos)>),
}

/// The most segments that are read of a playlist: a day of two-second segments.
const SEGMENT_LIMIT: usize = 43_200;

impl User {
    /// Carries out an instruction of a playback; all others have been dealt with.
    pub(super) fn play(&mut self, op: &Op, now: RunTime) -> Result<Option<Action>, RenderError> {
        let plan = self.plan.clone();
        let of = |id: &crate::plan::PlaybackId| &plan.playbacks[id.0 as usize];
        match op {
            Op::PlayBegin(id) => {
                let watch = think::draw(of(id).watch, &mut self.chance);
                self.playback = Some(Box::new(Playback::new(now, watch)));
            }
            Op::PlayList { playback, segments } => {
                self.read_playlist(of(playback), *segments)?;
            }
            Op::PlayNext { playback, renew, end } => {
                return Ok(self.play_next(of(playback), (*renew, *end), now));
            }
            Op::PlayLoaded { playback, back } => {
                self.position = *back;
                let Some(playing) = &mut self.playback else { return Ok(None) };
                if playing.segment_came(now) {
                    let times = (playing.began, now);
                    return Ok(Some(Self::note(of(playback).first_segment, times, Outcome::Ok)));
                }
            }
            Op::PlayEnd { playback, stalled } => {
                let Some(playing) = &self.playback else { return Ok(None) };
                let (step, span) = if *stalled {
                    (of(playback).stalled, playing.stalled)
                } else {
                    (of(playback).played, playing.loaded.min(playing.watch))
                };
                return Ok(Some(Self::note(step, (now - span, now), Outcome::Ok)));
            }
            _ => {}
        }
        Ok(None)
    }

    fn read_playlist(&mut self, plan: &PlaybackPlan, segments: u32) -> Result<(), RenderError> {
        let text = self.slots[plan.playlist.0 as usize].as_ref().map(Value::to_string);
        let text = text.ok_or(RenderError::Missing(plan.playlist))?;
        let mut base = vec![];
        let manifest = self.plan.clone();
        let manifest = &manifest.requests[plan.manifest.0 as usize].url;
        self.render(manifest, &mut base)?;
        let base = String::from_utf8_lossy(&base).into_owned();
        match parse(&text) {
            PlayList::Variant(name) => {
                let url = resolved(&base, &name);
                self.slots[plan.url.0 as usize] = Some(Value::from(url));
            }
            PlayList::Segments(list) if list.is_empty() => {
                return Err(RenderError::Answer("the playlist names no segments".to_owned()));
            }
            PlayList::Segments(list) => {
                self.position = segments;
                if let Some(playing) = &mut self.playback {
                    playing.segments = list
                        .into_iter()
                        .map(|(name, span)| (resolved(&base, &name), span))
                        .collect();
                }
            }
        }
        Ok(())
    }

    fn play_next(
        &mut self,
        plan: &PlaybackPlan,
        (renew, end): (u32, u32),
        now: RunTime,
    ) -> Option<Action> {
        let playing = self.playback.as_mut()?;
        let over = playing.loaded >= playing.watch || playing.next >= playing.segments.len();
        if over {
            self.position = end;
            let stopped = playing.plays_until(playing.loaded.min(playing.watch));
            return (stopped > now).then_some(Action::Wait(stopped));
        }
        let session = plan.session.map(|id| self.sessions[id.0 as usize]);
        if session.is_some_and(|session| session.is_due(now)) && playing.renewed != playing.next {
            playing.renewed = playing.next;
            self.position = renew;
            return None;
        }
        let (url, length) = &playing.segments[playing.next];
        // There is room for the next segment once it and what is loaded reach `buffer` segments ahead.
        let ahead = *length * u64::from(plan.buffer.saturating_sub(1));
        let room = playing.plays_until(playing.loaded.saturating_sub(ahead));
        if playing.shown.is_some() && room > now {
            self.position -= 1;
            return Some(Action::Wait(room));
        }
        self.slots[plan.url.0 as usize] = Some(Value::from(url.as_str()));
        None
    }
}

impl Playback {
    fn new(now: RunTime, watch: Nanos) -> Self {
        Self {
            began: now,
            watch,
            segments: vec![],
            next: 0,
            renewed: 0,
            shown: None,
            loaded: Nanos::ZERO,
            stalled: Nanos::ZERO,
        }
    }

    /// When the viewer will have seen so much, if nothing stalls from now on.
    fn plays_until(&self, seen: Nanos) -> RunTime {
        self.shown.map_or(self.began, |shown| shown + self.stalled + seen)
    }

    /// Counts the segment that came at `now`; whether it is the first.
    fn segment_came(&mut self, now: RunTime) -> bool {
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

/// Reads a playlist (RFC 8216): the first variant of a master playlist, or the segments of a media playlist.
fn parse(text: &str) -> PlayList {
    let mut segments = vec![];
    let mut length = Nanos::ZERO;
    let mut variant = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(seconds) = line.strip_prefix("#EXTINF:") {
            let seconds = seconds.split(',').next().unwrap_or_default().trim();
            length = Nanos::from_secs_f64(seconds.parse().unwrap_or(0.0));
        } else if line.starts_with("#EXT-X-STREAM-INF") {
            variant = true;
        } else if line.starts_with('#') {
            // A tag that says nothing about what to fetch.
        } else if variant {
            return PlayList::Variant(line.to_owned());
        } else if segments.len() < SEGMENT_LIMIT {
            segments.push((line.to_owned(), length));
        }
    }
    PlayList::Segments(segments)
}

/// A name in a playlist as a URL: absolute, from the root, or beside the playlist.
fn resolved(base: &str, name: &str) -> String {
    if name.starts_with('/') || name.contains("://") {
        return name.to_owned();
    }
    let path = base.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
    format!("{folder}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_playlist_are_relative_to_it() {
        assert_eq!(resolved("/a/b.m3u8?t=/x", "s0.ts"), "/a/s0.ts");
        assert_eq!(resolved("/a/b.m3u8", "/cdn/s0.ts"), "/cdn/s0.ts");
        assert_eq!(resolved("/a/b.m3u8", "https://c/s0.ts"), "https://c/s0.ts");
    }

    #[test]
    fn master_playlist_names_its_first_variant() {
        let text =
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:B=2\nhigh.m3u8\n";
        assert!(matches!(parse(text), PlayList::Variant(name) if name == "low.m3u8"));
    }

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
}
