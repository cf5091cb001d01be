//! Playback: what a video player asks for and when, and how long its viewer waits.
//!
//! The player loads segments one after the other until `buffer` of them are ahead of the viewer, then one
//! for each that is played, with the keys and initialization sections that they need. Renditions that a variant has beside
//! it (sound, subtitles) are tracks of their own: what is loaded next is of the track that is behind, and the picture moves as
//! far as all of them are there. A segment that comes after its turn stalls the picture; the sum of such times over the time
//! played is the rebuffer ratio. A live playlist is asked for again as it grows, from three segments before its end on (RFC
//! 8216 §6.3.3), and its viewer leaves by the clock.

use std::collections::VecDeque;
use std::sync::Arc;

use url::Url;

use plimsoll_plan::VariantChoice;
use plimsoll_units::{Nanos, RunTime};

use super::bandwidth::BandwidthEstimate;
use super::playlist::{MasterPlaylist, MediaPlaylist, PlaylistError, RenditionKind};
use super::track::{ListTerms, MediaResource, Segment, Track, resolved};

/// So many keys a player remembers.
const KEYS_KEPT: usize = 16;
/// The track of the variant itself.
const MAIN: usize = 0;

/// A playback under way.
#[derive(Debug)]
pub(super) struct Playback {
    /// When the viewer pressed play.
    pub(super) began: RunTime,
    /// How long the viewer watches.
    watch: Nanos,
    /// The variant that is played, first, and the renditions beside it.
    tracks: Vec<Track>,
    /// The track of which something is being loaded.
    current: usize,
    /// The number of the segment before which the session was last renewed. It is not renewed twice there,
    /// however short it lives: a player goes on.
    pub(super) renewed: u64,
    /// What may be played; nothing where the playlist names segments itself.
    variants: Vec<PlayableVariant>,
    /// The variant that is played.
    variant: usize,
    bandwidth: BandwidthEstimate,
    /// The number of the segment before which the variant was last chosen.
    chosen: u64,
    /// What is being loaded.
    loading: Loading,
    keys: VecDeque<Arc<str>>,
    /// When the first segment of each track was there.
    shown: Option<RunTime>,
    /// How long the picture stood still.
    pub(super) stalled: Nanos,
}

/// A variant that may be played.
#[derive(Debug)]
struct PlayableVariant {
    url: String,
    /// In bit/s.
    bandwidth: u64,
    /// The playlists of what is played beside it.
    renditions: Vec<(RenditionKind, String)>,
}

/// What a player loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loading {
    Segment,
    Key,
    Map,
}

/// Where a player goes in its program.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaybackJumps {
    pub(super) renew: u32,
    /// The request for the playlist, and the one for that of a variant or rendition.
    pub(super) reload: (u32, u32),
    pub(super) end: u32,
}

impl Playback {
    pub(super) fn new(now: RunTime, watch: Nanos) -> Self {
        Self {
            began: now,
            watch,
            tracks: vec![Track::default()],
            current: MAIN,
            renewed: 0,
            variants: vec![],
            variant: 0,
            bandwidth: BandwidthEstimate::default(),
            chosen: 0,
            loading: Loading::Segment,
            keys: VecDeque::new(),
            shown: None,
            stalled: Nanos::ZERO,
        }
    }

    /// The number of the variant's next segment.
    pub(super) fn number(&self) -> u64 {
        self.tracks[MAIN].number()
    }

    /// Takes a master playlist that came from `base`: the first one, or a new one after a renewal.
    ///
    /// # Errors
    /// Where it names what cannot be asked for.
    pub(super) fn take_variants(
        &mut self,
        master: &MasterPlaylist<'_>,
        base: &Url,
        choice: VariantChoice,
    ) -> Result<(), PlaylistError> {
        let variants = master.variants.iter().map(|variant| {
            let renditions =
                master.beside(variant).map(|(kind, uri)| Ok((kind, resolved(base, uri)?)));
            let renditions = renditions.collect::<Result<_, _>>()?;
            Ok(PlayableVariant {
                url: resolved(base, variant.uri)?,
                bandwidth: variant.bandwidth,
                renditions,
            })
        });
        let had = self.variants.len();
        self.variants = variants.collect::<Result<_, _>>()?;
        let rate = |at: &usize| self.variants[*at].bandwidth;
        let all = 0..self.variants.len();
        self.variant = match choice {
            VariantChoice::Adaptive if had == self.variants.len() => self.variant,
            // The author names first what is to be played first.
            VariantChoice::Adaptive | VariantChoice::First => 0,
            VariantChoice::Lowest => all.min_by_key(rate).unwrap_or(0),
            VariantChoice::Highest => all.rev().max_by_key(rate).unwrap_or(0),
        };
        self.follow_variant();
        // After a renewal what was known of them is as old as the session.
        for track in &mut self.tracks {
            track.awaits_list = true;
        }
        Ok(())
    }

    /// Plays the tracks of the variant that was chosen.
    fn follow_variant(&mut self) {
        let Some(variant) = self.variants.get(self.variant) else { return };
        self.tracks[MAIN].move_to(variant.url.clone());
        let is_played =
            |kind: RenditionKind| variant.renditions.iter().any(|(one, _)| *one == kind);
        self.tracks.retain(|track| track.kind.is_none_or(is_played));
        let loaded = self.tracks[MAIN].loaded;
        for (kind, url) in &variant.renditions {
            match self.tracks.iter_mut().find(|track| track.kind == Some(*kind)) {
                Some(track) => track.move_to(url.clone()),
                None => self.tracks.push(Track::rendition(*kind, url.clone(), loaded)),
            }
        }
    }

    /// The URL of a playlist that is to be asked for before anything else; it is what comes next.
    pub(super) fn ask_for_list(&mut self) -> Option<&str> {
        self.current = self.tracks.iter().position(|track| track.awaits_list)?;
        self.list_url()
    }

    /// The URL of the current track's playlist; none where there are no variants.
    pub(super) fn list_url(&self) -> Option<&str> {
        self.tracks[self.current].url.as_deref()
    }

    /// Chooses the variant of the next segment by the bandwidth so far, once for each segment; whether it is another
    /// one, whose playlist is to be asked for.
    pub(super) fn switches(&mut self, choice: VariantChoice) -> bool {
        let number = self.number();
        let is_chosen = self.current != MAIN || self.chosen == number;
        if choice != VariantChoice::Adaptive || self.variants.len() < 2 || is_chosen {
            return false;
        }
        self.chosen = number;
        let rates: Vec<u64> = self.variants.iter().map(|variant| variant.bandwidth).collect();
        let best = self.bandwidth.choose(&rates, self.variant);
        if best == self.variant {
            return false;
        }
        self.variant = best;
        self.follow_variant();
        true
    }

    /// What comes next is for the main track: the first request is.
    pub(super) fn choose_main(&mut self) {
        self.current = MAIN;
    }

    /// Takes the media playlist of the current track that came from `base`.
    ///
    /// # Errors
    /// Where it names what cannot be asked for.
    pub(super) fn take_list(
        &mut self,
        list: &MediaPlaylist<'_>,
        base: &Url,
        (buffer, now): (u32, RunTime),
    ) -> Result<(), PlaylistError> {
        let terms = ListTerms { buffer, watch: self.watch, now };
        self.tracks[self.current].take_list(list, base, terms)
    }

    /// Turns to the track that is behind the others: what it needs is loaded next.
    pub(super) fn choose_track(&mut self) {
        let open = (0..self.tracks.len()).filter(|at| !self.is_over(&self.tracks[*at]));
        self.current = open.min_by_key(|at| self.tracks[*at].loaded).unwrap_or(MAIN);
    }

    /// Whether nothing more comes of a track. A rendition goes on no longer than its variant.
    fn is_over(&self, track: &Track) -> bool {
        let may_grow = track.is_live() && self.tracks[MAIN].is_live();
        !track.awaits_list && track.next_segment().is_none() && !may_grow
    }

    /// The next segment of the current track; none where none is known.
    pub(super) fn next_segment(&self) -> Option<&Segment> {
        self.tracks[self.current].next_segment()
    }

    /// What to load now: the next segment, or what it needs first. None where no segment is known.
    pub(super) fn next_resource(&mut self) -> Option<MediaResource> {
        let track = &self.tracks[self.current];
        let segment = track.next_segment()?;
        if let Some(key) = segment.key.as_ref().filter(|key| !self.keys.contains(key)) {
            self.loading = Loading::Key;
            return Some(MediaResource { url: (**key).to_owned(), range: None });
        }
        if let Some(map) = segment.map.as_ref().filter(|map| track.map.as_ref() != Some(map)) {
            self.loading = Loading::Map;
            return Some((**map).clone());
        }
        self.loading = Loading::Segment;
        Some(segment.resource.clone())
    }

    /// Counts what a segment of `bytes` and `time` says of the bandwidth.
    pub(super) fn measured(&mut self, bytes: u64, time: Nanos) {
        if self.loading == Loading::Segment && self.current == MAIN {
            self.bandwidth.add(bytes, time);
        }
    }

    /// Counts what came at `now`; whether the picture can be shown from now on.
    pub(super) fn resource_came(&mut self, now: RunTime) -> bool {
        let track = &mut self.tracks[self.current];
        let Some(segment) = track.next_segment() else { return false };
        match self.loading {
            Loading::Segment => return self.segment_came(now),
            Loading::Key => {
                self.keys.extend(segment.key.clone());
                if self.keys.len() > KEYS_KEPT {
                    self.keys.pop_front();
                }
            }
            Loading::Map => track.map = segment.map.clone(),
        }
        false
    }

    /// Counts the segment that came at `now`; whether the picture can be shown from now on.
    fn segment_came(&mut self, now: RunTime) -> bool {
        let before = self.playable();
        self.tracks[self.current].go_on();
        if self.shown.is_some() {
            // The turn of what was missing comes when all before it has been played.
            if self.playable() > before {
                self.stalled += now.since(self.plays_until(before));
            }
            return false;
        }
        let is_there = self.tracks.iter().all(|track| track.has_begun || self.is_over(track));
        self.shown = is_there.then_some(now);
        is_there
    }

    /// The length of what is there of all tracks that go on.
    pub(super) fn playable(&self) -> Nanos {
        let open = self.tracks.iter().filter(|track| !self.is_over(track));
        let whole = || self.tracks.iter().map(|track| track.loaded).max();
        open.map(|track| track.loaded).min().or_else(whole).unwrap_or_default()
    }

    /// When the playback is over, if no more is loaded: at the end of what is watched, or of the film. The viewer of
    /// something live leaves by the clock, whether the picture moves or not.
    pub(super) fn stops(&mut self, now: RunTime) -> Option<RunTime> {
        let playable = self.playable();
        if playable >= self.watch {
            return Some(self.plays_until(self.watch));
        }
        if !self.tracks[MAIN].is_live() {
            let is_over = self.tracks.iter().all(|track| self.is_over(track));
            return is_over.then(|| self.plays_until(playable));
        }
        let leaves = self.leaves();
        (now >= leaves).then(|| {
            self.stalled += leaves.since(self.plays_until(playable));
            leaves
        })
    }

    /// When the viewer of something live leaves.
    fn leaves(&self) -> RunTime {
        self.shown.unwrap_or(self.began) + self.watch
    }

    /// When the current track's playlist is asked for again, or its viewer leaves.
    pub(super) fn reload_due(&self) -> RunTime {
        let due = self.tracks[self.current].reload_due();
        due.map_or(self.began, |due| due.min(self.leaves()))
    }

    /// When there is room for the next segment: once it and what is loaded of its track reach `buffer` segments ahead.
    /// None before the picture is shown.
    pub(super) fn room_for_next(&self, buffer: u32) -> Option<RunTime> {
        let length = self.next_segment().filter(|_| self.shown.is_some())?.length;
        let ahead = length * u64::from(buffer.saturating_sub(1));
        Some(self.plays_until(self.tracks[self.current].loaded.saturating_sub(ahead)))
    }

    /// How long the picture moved.
    pub(super) fn played(&self) -> Nanos {
        let seen = self.playable().min(self.watch);
        let is_live = self.tracks[MAIN].is_live();
        if is_live { seen.min(self.watch.saturating_sub(self.stalled)) } else { seen }
    }

    /// When the viewer will have seen so much, if nothing stalls from now on.
    fn plays_until(&self, seen: Nanos) -> RunTime {
        self.shown.map_or(self.began, |shown| shown + self.stalled + seen)
    }
}

#[cfg(test)]
mod tests;
