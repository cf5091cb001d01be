//! One track of a playback: the variant that is played, or a rendition beside it, and what of it is loaded.

use std::sync::Arc;

use url::Url;

use plimsoll_units::{Nanos, RunTime};

use super::playlist::{
    ByteRange, MediaPlaylist, PlaylistError, RenditionKind, Resource, SegmentLine,
};

/// A track.
#[derive(Debug, Default)]
pub(super) struct Track {
    /// What rendition it is; none of the variant itself.
    pub(super) kind: Option<RenditionKind>,
    /// The URL of its playlist; none where the first playlist names segments itself.
    pub(super) url: Option<String>,
    /// Whether that is to be asked for before anything else.
    pub(super) awaits_list: bool,
    /// The segments from [`Self::first`] on, as far as they can be watched.
    segments: Vec<Segment>,
    /// The next segment to load.
    next: usize,
    /// The number of the first of the segments.
    first: u64,
    /// The number behind the last segment that a playlist has named; none before the first one that names any.
    end: Option<u64>,
    live: Option<LivePlaylist>,
    /// The initialization section that is loaded.
    pub(super) map: Option<Arc<MediaResource>>,
    /// The length of all that was loaded.
    pub(super) loaded: Nanos,
    /// Whether a segment of it is there.
    pub(super) has_begun: bool,
}

/// A segment to be loaded.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) resource: MediaResource,
    pub(super) length: Nanos,
    pub(super) key: Option<Arc<str>>,
    pub(super) map: Option<Arc<MediaResource>>,
    is_gap: bool,
}

/// What is asked for: a URL, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaResource {
    pub(super) url: String,
    pub(super) range: Option<ByteRange>,
}

/// What is known of a live playlist.
#[derive(Debug, Clone, Copy)]
struct LivePlaylist {
    /// When it is asked for again: after a segment's length, or half of it where nothing was new (RFC 8216 §6.3.4).
    due: RunTime,
}

/// How a player takes a playlist.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListTerms {
    /// How many segments it loads ahead.
    pub(super) buffer: u32,
    /// How long is watched.
    pub(super) watch: Nanos,
    pub(super) now: RunTime,
}

impl Track {
    /// A rendition that joins when so much has been loaded of the variant.
    pub(super) fn rendition(kind: RenditionKind, url: String, loaded: Nanos) -> Self {
        let (kind, url) = (Some(kind), Some(url));
        Self { kind, url, awaits_list: true, loaded, ..Self::default() }
    }

    /// The number of the next segment.
    pub(super) fn number(&self) -> u64 {
        self.first.saturating_add(self.next as u64)
    }

    /// The next segment; none where none is known.
    pub(super) fn next_segment(&self) -> Option<&Segment> {
        self.segments.get(self.next)
    }

    /// Whether more may come of it.
    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// When its playlist is asked for again; none where that has ended.
    pub(super) fn reload_due(&self) -> Option<RunTime> {
        self.live.map(|live| live.due)
    }

    /// Asks for its playlist from another place.
    pub(super) fn move_to(&mut self, url: String) {
        if self.url.as_ref() != Some(&url) {
            self.url = Some(url);
            self.awaits_list = true;
        }
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
        terms: ListTerms,
    ) -> Result<(), PlaylistError> {
        self.awaits_list = false;
        let (number, count) = (self.number(), list.segments.len());
        let end = list.first.saturating_add(count as u64);
        // A transmission that counts from the beginning again has been begun again.
        let restarts = list.live && count > 0 && end.saturating_add(count as u64) < number;
        let joins = self.end.is_none() || restarts;
        let from = match (joins, list.live) {
            (true, true) => count.saturating_sub(terms.buffer as usize),
            (true, false) => self.passed(&list.segments),
            // What has left the playlist meanwhile cannot be loaded any more.
            (false, _) => count.min(number.saturating_sub(list.first) as usize),
        };
        self.first = list.first.saturating_add(from as u64);
        if !joins {
            self.first = self.first.max(number);
        }
        let grew = joins || self.end.is_none_or(|known| end > known);
        let pause = if grew { list.target } else { Nanos::new(list.target.get() / 2) };
        self.live = list.live.then_some(LivePlaylist { due: terms.now + pause });
        if count > 0 {
            self.end = Some(end);
        }
        self.next = 0;
        self.segments = self.watchable(&list.segments[from..], base, terms.watch)?;
        self.pass_gaps();
        Ok(())
    }

    /// How many of `lines` stand before what a rendition that joins later is to begin with.
    fn passed(&self, lines: &[SegmentLine<'_>]) -> usize {
        let mut length = Nanos::ZERO;
        let ends = lines.iter().map(|line| {
            length += line.length;
            length
        });
        ends.take_while(|end| *end <= self.loaded && *end > Nanos::ZERO).count()
    }

    /// As many of `lines` as the viewer may still watch.
    fn watchable(
        &self,
        lines: &[SegmentLine<'_>],
        base: &Url,
        watch: Nanos,
    ) -> Result<Vec<Segment>, PlaylistError> {
        let wanted = watch.saturating_sub(self.loaded);
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

    /// Goes on to the segment behind the next one, and over those that the playlist says are missing.
    pub(super) fn go_on(&mut self) {
        self.pass_next();
        self.pass_gaps();
    }

    fn pass_gaps(&mut self) {
        while self.next_segment().is_some_and(|segment| segment.is_gap) {
            self.pass_next();
        }
    }

    fn pass_next(&mut self) {
        if let Some(segment) = self.segments.get(self.next) {
            self.loaded += segment.length;
            self.next += 1;
            self.has_begun = true;
        }
    }
}

/// A reference in a playlist as a URL (RFC 3986 §5.2, as browsers read it).
pub(super) fn resolved(base: &Url, reference: &str) -> Result<String, PlaylistError> {
    let refused = || PlaylistError::Reference(reference.chars().take(200).collect());
    let url = base.join(reference).map_err(|_| refused())?;
    let is_fetched = matches!(url.scheme(), "http" | "https") && url.has_host();
    if is_fetched { Ok(url.into()) } else { Err(refused()) }
}

fn fetched(base: &Url, resource: Resource<'_>) -> Result<MediaResource, PlaylistError> {
    Ok(MediaResource { url: resolved(base, resource.uri)?, range: resource.range })
}
