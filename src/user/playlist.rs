//! Playlists as a player reads them (RFC 8216). References in them are left as they stand.

use std::fmt;

use plimsoll_units::Nanos;

/// The most segments that a playlist may name: more than two days of one-second segments.
const SEGMENT_LIMIT: usize = 200_000;
/// The most variants that a playlist may name, and the most renditions.
const VARIANT_LIMIT: usize = 1_000;
/// No segment lasts longer.
const LENGTH_MAX: f64 = 86_400.0;
/// A live playlist is asked for again no more often: its target duration is a whole number of seconds.
const TARGET_MIN: Nanos = Nanos::from_secs(1);

/// What a playlist says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Playlist<'a> {
    /// Variants of one presentation, and renditions beside them (§4.3.4).
    Master(MasterPlaylist<'a>),
    /// Segments of one rendition (§4.3.3).
    Media(MediaPlaylist<'a>),
}

/// A master playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MasterPlaylist<'a> {
    pub(super) variants: Vec<VariantStream<'a>>,
    pub(super) renditions: Vec<Rendition<'a>>,
}

/// A variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VariantStream<'a> {
    pub(super) uri: &'a str,
    /// Its peak rate in bit/s; 0 where it says none.
    pub(super) bandwidth: u64,
    /// The groups that its renditions are of.
    pub(super) audio: Option<&'a str>,
    pub(super) subtitles: Option<&'a str>,
}

/// A rendition that may be played with a variant (§4.3.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rendition<'a> {
    pub(super) kind: RenditionKind,
    pub(super) group: &'a str,
    /// Its own playlist; none where it is part of the variant.
    pub(super) uri: Option<&'a str>,
    pub(super) is_default: bool,
    pub(super) is_selected: bool,
}

/// What a rendition holds. Pictures of their own and captions within a variant are not told apart from the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RenditionKind {
    Audio,
    Subtitles,
}

impl<'a> MasterPlaylist<'a> {
    /// The renditions that are fetched beside a variant by a viewer who has chosen nothing: of the sound the default
    /// one, else the first that may be selected, else the first; of subtitles the default one, if there is one.
    pub(super) fn beside(
        &self,
        variant: &VariantStream<'a>,
    ) -> impl Iterator<Item = (RenditionKind, &'a str)> {
        let sound = variant.audio.and_then(|group| {
            let all = || self.of(RenditionKind::Audio, group);
            let chosen = all().find(|one| one.is_default);
            chosen.or_else(|| all().find(|one| one.is_selected)).or_else(|| all().next())
        });
        let text = variant
            .subtitles
            .and_then(|group| self.of(RenditionKind::Subtitles, group).find(|one| one.is_default));
        let chosen = sound.into_iter().chain(text);
        // The same playlist again, as variants of sound alone have it, is no second track.
        chosen.filter_map(|one| Some((one.kind, one.uri?))).filter(|(_, uri)| *uri != variant.uri)
    }

    fn of(&self, kind: RenditionKind, group: &str) -> impl Iterator<Item = &Rendition<'a>> {
        self.renditions.iter().filter(move |one| one.kind == kind && one.group == group)
    }
}

/// A media playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MediaPlaylist<'a> {
    pub(super) segments: Vec<SegmentLine<'a>>,
    /// The number of the first of them, counted from the beginning of the transmission.
    pub(super) first: u64,
    /// Whether more will come: it has no `EXT-X-ENDLIST`, and does not say that it is of a film (`VOD`).
    pub(super) live: bool,
    /// The longest that a segment lasts; how often a live playlist is asked for.
    pub(super) target: Nanos,
}

/// A segment as the playlist has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentLine<'a> {
    pub(super) resource: Resource<'a>,
    pub(super) length: Nanos,
    /// What decrypts it, where that is fetched over HTTP.
    pub(super) key: Option<&'a str>,
    /// Its initialization section.
    pub(super) map: Option<Resource<'a>>,
    /// Whether it is missing, and said so.
    pub(super) is_gap: bool,
}

/// A resource, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resource<'a> {
    pub(super) uri: &'a str,
    pub(super) range: Option<ByteRange>,
}

/// A part of a resource (§4.3.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteRange {
    /// The first byte.
    pub(super) start: u64,
    /// The byte behind the last.
    pub(super) end: u64,
}

impl fmt::Display for ByteRange {
    /// As the `range` header has it (RFC 9110 §14.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes={}-{}", self.start, self.end.saturating_sub(1))
    }
}

/// Why a text is no playlist that a player can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlaylistError {
    #[error("the answer is no playlist: it is empty")]
    Empty,
    #[error("the answer is no playlist: it begins with `{0}`, not with `#EXTM3U`")]
    Header(String),
    #[error("the playlist is not UTF-8")]
    Encoding,
    #[error("the playlist begins with a byte order mark")]
    Mark,
    #[error("the playlist names variants and segments")]
    Mixed,
    #[error("line {line} of the playlist names a segment without `#EXTINF`")]
    Length { line: usize },
    #[error("line {line} of the playlist: `{tag}` cannot be read")]
    Tag { line: usize, tag: &'static str },
    #[error("the playlist names no segments")]
    NoSegments,
    #[error("no segment of the playlist has a length")]
    NoLength,
    #[error(
        "the playlist names more than {SEGMENT_LIMIT} segments, or {VARIANT_LIMIT} variants or renditions"
    )]
    TooLong,
    #[error("the playlist of a variant names variants again")]
    Nested,
    #[error("the playlist names `{0}`, which is no http or https URL")]
    Reference(String),
}

/// Reads a playlist.
///
/// # Errors
/// Where it is none, or breaks a rule without which nobody knows what to fetch.
pub(super) fn parse(bytes: &[u8]) -> Result<Playlist<'_>, PlaylistError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PlaylistError::Encoding)?;
    if text.starts_with('\u{feff}') {
        return Err(PlaylistError::Mark);
    }
    let mut lines = text.lines();
    match lines.next().map(str::trim_end) {
        Some("#EXTM3U") => {}
        None | Some("") if text.trim().is_empty() => return Err(PlaylistError::Empty),
        first => {
            return Err(PlaylistError::Header(
                first.unwrap_or_default().chars().take(80).collect(),
            ));
        }
    }
    let mut reader = PlaylistReader::default();
    for (line, number) in lines.map(str::trim).zip(2..) {
        reader.take(line, number)?;
    }
    reader.finish()
}

/// What has been read so far.
#[derive(Debug, Default)]
struct PlaylistReader<'a> {
    master: MasterPlaylist<'a>,
    media: MediaPlaylist<'a>,
    target: Option<Nanos>,
    is_over: bool,
    /// The variant whose reference comes next.
    variant: Option<VariantStream<'a>>,
    /// What is said of the segment that comes next.
    length: Option<Nanos>,
    range: Option<(u64, Option<u64>)>,
    is_gap: bool,
    /// What holds for all segments from here on.
    key: Option<&'a str>,
    map: Option<Resource<'a>>,
}

impl<'a> PlaylistReader<'a> {
    fn take(&mut self, line: &'a str, number: usize) -> Result<(), PlaylistError> {
        let Some(tag) = line.strip_prefix('#') else {
            return if line.is_empty() { Ok(()) } else { self.reference(line, number) };
        };
        let (tag, value) = tag.split_once(':').unwrap_or((tag, ""));
        let value = value.trim();
        let unread = |tag| PlaylistError::Tag { line: number, tag };
        match tag {
            "EXTINF" => {
                let length = value.split(',').next().unwrap_or_default();
                self.length = Some(seconds(length).ok_or(unread("EXTINF"))?);
            }
            "EXT-X-BYTERANGE" => {
                self.range = Some(range(value).ok_or(unread("EXT-X-BYTERANGE"))?);
            }
            "EXT-X-STREAM-INF" => {
                let bandwidth = attribute(value, "BANDWIDTH").and_then(|text| text.parse().ok());
                self.variant = Some(VariantStream {
                    uri: "",
                    bandwidth: bandwidth.unwrap_or(0),
                    audio: attribute(value, "AUDIO"),
                    subtitles: attribute(value, "SUBTITLES"),
                });
            }
            "EXT-X-MEDIA" => self.take_rendition(value)?,
            "EXT-X-MEDIA-SEQUENCE" => {
                self.media.first = value.parse().map_err(|_| unread("EXT-X-MEDIA-SEQUENCE"))?;
            }
            "EXT-X-TARGETDURATION" => {
                self.target = Some(seconds(value).ok_or(unread("EXT-X-TARGETDURATION"))?);
            }
            "EXT-X-ENDLIST" => self.is_over = true,
            "EXT-X-PLAYLIST-TYPE" if value == "VOD" => self.is_over = true,
            "EXT-X-KEY" => self.take_key(value),
            "EXT-X-MAP" => self.map = Some(map(value).ok_or(unread("EXT-X-MAP"))?),
            "EXT-X-GAP" => self.is_gap = true,
            // A tag that says nothing about what to fetch, as `EXT-X-DISCONTINUITY` does not, or a comment.
            _ => {}
        }
        Ok(())
    }

    /// Only what is fetched over HTTP as it stands: other formats are those of rights managers.
    fn take_key(&mut self, attributes: &'a str) {
        if attribute(attributes, "METHOD") == Some("NONE") {
            self.key = None;
        } else if attribute(attributes, "KEYFORMAT").is_none_or(|format| format == "identity") {
            self.key = attribute(attributes, "URI");
        }
    }

    /// One without a type or a group belongs to no variant.
    fn take_rendition(&mut self, attributes: &'a str) -> Result<(), PlaylistError> {
        let kind = match attribute(attributes, "TYPE") {
            Some("AUDIO") => RenditionKind::Audio,
            Some("SUBTITLES") => RenditionKind::Subtitles,
            _ => return Ok(()),
        };
        let Some(group) = attribute(attributes, "GROUP-ID") else { return Ok(()) };
        let says = |name| attribute(attributes, name) == Some("YES");
        let (is_default, is_selected) = (says("DEFAULT"), says("AUTOSELECT"));
        let uri = attribute(attributes, "URI");
        self.master.renditions.push(Rendition { kind, group, uri, is_default, is_selected });
        within(self.master.renditions.len())
    }

    fn reference(&mut self, uri: &'a str, line: usize) -> Result<(), PlaylistError> {
        if let Some(variant) = self.variant.take() {
            self.master.variants.push(VariantStream { uri, ..variant });
            return within(self.master.variants.len());
        }
        let length = self.length.take().ok_or(PlaylistError::Length { line })?;
        let range = match self.range.take() {
            None => None,
            Some((size, start)) => {
                let follows = || {
                    let last = self.media.segments.last()?.resource;
                    last.range.filter(|_| last.uri == uri).map(|range| range.end)
                };
                let unread = PlaylistError::Tag { line, tag: "EXT-X-BYTERANGE" };
                let start = start.or_else(follows).ok_or(unread.clone())?;
                let end = start.checked_add(size).filter(|end| *end > start).ok_or(unread)?;
                Some(ByteRange { start, end })
            }
        };
        if self.media.segments.len() == SEGMENT_LIMIT {
            return Err(PlaylistError::TooLong);
        }
        self.media.segments.push(SegmentLine {
            resource: Resource { uri, range },
            length,
            key: self.key,
            map: self.map,
            is_gap: std::mem::take(&mut self.is_gap),
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Playlist<'a>, PlaylistError> {
        let segments = &self.media.segments;
        let longest = segments.iter().map(|segment| segment.length).max();
        match (self.master.variants.is_empty(), segments.is_empty()) {
            (false, true) => return Ok(Playlist::Master(self.master)),
            (false, false) => return Err(PlaylistError::Mixed),
            (true, true) if self.is_over => return Err(PlaylistError::NoSegments),
            (true, false) if longest == Some(Nanos::ZERO) => return Err(PlaylistError::NoLength),
            (true, _) => {}
        }
        self.media.live = !self.is_over;
        // Required, and left out by some all the same.
        self.media.target = self.target.or(longest).unwrap_or_default().max(TARGET_MIN);
        Ok(Playlist::Media(self.media))
    }
}

fn within(count: usize) -> Result<(), PlaylistError> {
    if count > VARIANT_LIMIT { Err(PlaylistError::TooLong) } else { Ok(()) }
}

fn seconds(text: &str) -> Option<Nanos> {
    let seconds: f64 = text.trim().parse().ok()?;
    (0.0..=LENGTH_MAX).contains(&seconds).then(|| Nanos::from_secs_f64(seconds))
}

/// `n[@o]`: a length, and an offset.
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.split_once('@') {
        Some((size, start)) => Some((size.trim().parse().ok()?, Some(start.trim().parse().ok()?))),
        None => Some((text.parse().ok()?, None)),
    }
}

fn map(attributes: &str) -> Option<Resource<'_>> {
    let uri = attribute(attributes, "URI")?;
    let range = match attribute(attributes, "BYTERANGE") {
        None => None,
        Some(text) => {
            let (size, start) = range(text)?;
            let start = start.unwrap_or(0);
            Some(ByteRange { start, end: start.checked_add(size).filter(|end| *end > start)? })
        }
    };
    Some(Resource { uri, range })
}

/// The value of an attribute (§4.2), without its quotes.
fn attribute<'a>(list: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = list;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let (value, next) = match behind.strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) = quoted.split_once('"')?;
                (value, behind.strip_prefix(',').unwrap_or(behind))
            }
            None => behind.split_once(',').unwrap_or((behind, "")),
        };
        if name.trim() == wanted {
            return Some(value.trim());
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests;
