//! Playlists as a player reads them (RFC 8216).

use crate::units::Nanos;

/// The most segments that are read of a playlist: a day of two-second segments.
const SEGMENT_LIMIT: usize = 43_200;

/// What a playlist says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Playlist {
    /// The first of several variants.
    Variant(String),
    /// Segments of one rendition.
    Media(MediaPlaylist),
}

/// A media playlist.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MediaPlaylist {
    /// Names and lengths of segments.
    pub(super) segments: Vec<(String, Nanos)>,
    /// The number of the first of them, counted from the beginning of the transmission.
    pub(super) first: u64,
    /// Whether more will come: it has no `EXT-X-ENDLIST`, and does not say that it is of a film (`VOD`).
    pub(super) live: bool,
    /// The longest that a segment lasts; how often a live playlist is asked for.
    pub(super) target: Nanos,
}

/// Reads a playlist.
pub(super) fn parse(text: &str) -> Playlist {
    let mut media =
        MediaPlaylist { live: true, target: Nanos::from_secs(4), ..MediaPlaylist::default() };
    let mut length = Nanos::ZERO;
    let mut variant = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((tag, value)) =
            line.strip_prefix('#').map(|tag| tag.split_once(':').unwrap_or((tag, "")))
        {
            match tag {
                "EXTINF" => length = seconds(value.split(',').next().unwrap_or_default()),
                "EXT-X-STREAM-INF" => variant = true,
                "EXT-X-MEDIA-SEQUENCE" => media.first = value.trim().parse().unwrap_or(0),
                "EXT-X-TARGETDURATION" => {
                    media.target = seconds(value).max(Nanos::from_millis(100));
                }
                "EXT-X-ENDLIST" => media.live = false,
                "EXT-X-PLAYLIST-TYPE" if value.trim() == "VOD" => media.live = false,
                // A tag that says nothing about what to fetch, or a comment.
                _ => {}
            }
        } else if variant {
            return Playlist::Variant(line.to_owned());
        } else if media.segments.len() < SEGMENT_LIMIT {
            media.segments.push((line.to_owned(), length));
        }
    }
    Playlist::Media(media)
}

fn seconds(text: &str) -> Nanos {
    Nanos::from_secs_f64(text.trim().parse().unwrap_or(0.0))
}

/// A name in a playlist as a URL: absolute, from the root, or beside the playlist.
pub(super) fn resolved(base: &str, name: &str) -> String {
    if name.contains("://") {
        return name.to_owned();
    }
    let path = base.split(['?', '#']).next().unwrap_or_default();
    // Of an absolute URL, what stands before the path belongs to every name.
    let root = path
        .find("://")
        .map_or(0, |at| path[at + 3..].find('/').map_or(path.len(), |slash| at + 3 + slash));
    if name.starts_with('/') {
        return format!("{}{name}", &path[..root]);
    }
    let folder = path[root..]
        .rfind('/')
        .map_or_else(|| format!("{}/", &path[..root]), |at| path[..=root + at].to_owned());
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
        assert_eq!(resolved("https://c/a/b.m3u8", "s0.ts"), "https://c/a/s0.ts");
        assert_eq!(resolved("https://c/a/b.m3u8", "/s0.ts"), "https://c/s0.ts");
        assert_eq!(resolved("https://c", "s0.ts"), "https://c/s0.ts");
    }

    #[test]
    fn master_playlist_names_its_first_variant() {
        let text =
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.m3u8\n#EXT-X-STREAM-INF:B=2\nhigh.m3u8\n";
        assert_eq!(parse(text), Playlist::Variant("low.m3u8".to_owned()));
    }

    #[test]
    fn playlist_is_live_until_it_says_that_it_ends() {
        let live =
            "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:41\n#EXTINF:5.5,\ns41.ts\n";
        let Playlist::Media(media) = parse(live) else { panic!("no media playlist") };
        assert_eq!((media.first, media.live, media.target), (41, true, Nanos::from_secs(6)));
        assert_eq!(media.segments, [("s41.ts".to_owned(), Nanos::from_millis(5_500))]);
        for end in ["#EXT-X-ENDLIST\n", "#EXT-X-PLAYLIST-TYPE:VOD\n"] {
            let Playlist::Media(media) = parse(&format!("{live}{end}")) else { panic!("no media") };
            assert!(!media.live, "{end}");
        }
    }
}
