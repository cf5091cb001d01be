//! Playlists of packagers, and texts that are none.

use proptest::prelude::*;

use super::*;

fn media(text: &str) -> MediaPlaylist<'_> {
    match parse(text.as_bytes()) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

fn error(text: &str) -> String {
    parse(text.as_bytes()).expect_err("no playlist").to_string()
}

#[test]
fn master_playlist_names_its_variants() {
    let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a,b\",URI=\"audio.m3u8\"\n\
                #EXT-X-STREAM-INF:CODECS=\"avc1.4d401e,mp4a.40.2\",BANDWIDTH=1280000\nlow.m3u8\n\
                #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI=\"frames.m3u8\"\n\
                #EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=1\r\nhigh.m3u8\r\n";
    let low = VariantStream { uri: "low.m3u8", bandwidth: 1_280_000, audio: None, subtitles: None };
    let high = VariantStream { uri: "high.m3u8", bandwidth: 0, ..low };
    assert_eq!(master(text).variants, [low, high]);
}

fn master(text: &str) -> MasterPlaylist<'_> {
    match parse(text.as_bytes()) {
        Ok(Playlist::Master(master)) => master,
        other => panic!("{other:?}"),
    }
}

/// What is fetched beside the only variant, whose tag ends with `groups`.
fn beside(renditions: &str, groups: &str) -> Vec<(RenditionKind, String)> {
    let text = format!("#EXTM3U\n{renditions}#EXT-X-STREAM-INF:BANDWIDTH=1{groups}\nv.m3u8\n");
    let master = master(&text);
    let found = master.beside(&master.variants[0]);
    found.map(|(kind, uri)| (kind, uri.to_owned())).collect()
}

/// RFC 8216 §4.3.4.1 and §4.3.4.2.1: what a viewer who has chosen nothing hears and reads.
#[test]
fn renditions_of_a_variant_are_those_of_its_groups() {
    let all = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"de\",URI=\"lo-de\"\n\
               #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"en\",AUTOSELECT=YES,DEFAULT=YES,URI=\"lo-en\"\n\
               #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"de\",URI=\"hi-de\"\n\
               #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"en\",AUTOSELECT=YES,URI=\"hi-en\"\n\
               #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"in\",NAME=\"en\",DEFAULT=YES\n\
               #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"same\",NAME=\"en\",URI=\"v.m3u8\"\n\
               #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",AUTOSELECT=YES,URI=\"s-en\"\n\
               #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"d\",NAME=\"en\",DEFAULT=YES,URI=\"d-en\"\n\
               #EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"cc\",NAME=\"x\",INSTREAM-ID=\"CC1\"\n\
               #EXT-X-MEDIA:TYPE=AUDIO,NAME=\"of no group\",DEFAULT=YES,URI=\"x\"\n";
    let (sound, text) = (RenditionKind::Audio, RenditionKind::Subtitles);
    let cases: [(&str, &[(RenditionKind, &str)]); 8] = [
        ("", &[]),
        (",AUDIO=\"lo\"", &[(sound, "lo-en")]),
        (",AUDIO=\"hi\"", &[(sound, "hi-en")]),
        (",AUDIO=\"in\"", &[]),
        (",AUDIO=\"same\"", &[]),
        (",AUDIO=\"nobody\",SUBTITLES=\"s\"", &[]),
        (",SUBTITLES=\"d\",CLOSED-CAPTIONS=\"cc\"", &[(text, "d-en")]),
        (",AUDIO=\"lo\",SUBTITLES=\"d\"", &[(sound, "lo-en"), (text, "d-en")]),
    ];
    for (groups, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(kind, uri)| (*kind, (*uri).to_owned())).collect();
        assert_eq!(beside(all, groups), expected, "{groups}");
    }
}

#[test]
fn renditions_without_end_are_refused() {
    let line = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"a\"\n";
    let text = format!("#EXTM3U\n{}", line.repeat(VARIANT_LIMIT + 1));
    assert_eq!(parse(text.as_bytes()), Err(PlaylistError::TooLong));
}

#[test]
fn playlist_is_live_until_it_says_that_it_ends() {
    let live = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:41\n#EXTINF:5.5,title, with comma\ns41.ts\n";
    let found = media(live);
    assert_eq!((found.first, found.live, found.target), (41, true, Nanos::from_secs(6)));
    let segment = found.segments[0];
    assert_eq!((segment.resource.uri, segment.length), ("s41.ts", Nanos::from_millis(5_500)));
    for end in ["#EXT-X-ENDLIST\n", "#EXT-X-PLAYLIST-TYPE:VOD\n"] {
        assert!(!media(&format!("{live}{end}")).live, "{end}");
    }
    assert!(media("#EXTM3U\n#EXT-X-TARGETDURATION:0\n").target >= Nanos::from_secs(1));
}

/// Goal: parts of one file follow each other, and begin where the playlist says.
#[test]
fn byte_ranges_follow_each_other() {
    let text = "#EXTM3U\n#EXT-X-MAP:URI=\"all.mp4\",BYTERANGE=\"700@0\"\n\
                #EXTINF:4,\n#EXT-X-BYTERANGE:1000@700\nall.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:500\nall.mp4\n\
                #EXT-X-DISCONTINUITY\n#EXTINF:4,\nwhole.mp4\n#EXT-X-ENDLIST\n";
    let found = media(text);
    let ranges: Vec<Option<String>> =
        found.segments.iter().map(|s| s.resource.range.map(|r| r.to_string())).collect();
    let expected = [Some("bytes=700-1699".to_owned()), Some("bytes=1700-2199".to_owned()), None];
    assert_eq!(ranges, expected);
    let map = found.segments[2].map.expect("a map");
    assert_eq!(map.range.map(|range| range.to_string()).as_deref(), Some("bytes=0-699"));
}

#[test]
fn keys_hold_until_the_next_one() {
    let text = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k1?a=1,2\",IV=0x1\n#EXTINF:1,\na\n\
                #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://x\",KEYFORMAT=\"com.apple.streamingkeydelivery\"\n#EXTINF:1,\nb\n\
                #EXT-X-KEY:METHOD=AES-128,URI=\"k2\",KEYFORMAT=\"identity\"\n#EXTINF:1,\nc\n\
                #EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\n#EXT-X-GAP\nd\n";
    let found = media(text);
    let keys: Vec<_> = found.segments.iter().map(|segment| segment.key).collect();
    assert_eq!(keys, [Some("k1?a=1,2"), Some("k1?a=1,2"), Some("k2"), None]);
    let gaps: Vec<_> = found.segments.iter().map(|segment| segment.is_gap).collect();
    assert_eq!(gaps, [false, false, false, true]);
}

#[test]
fn text_that_is_no_playlist_is_named() {
    assert_eq!(error(""), "the answer is no playlist: it is empty");
    let html = error("<!doctype html>\n<html></html>\n");
    assert_eq!(
        html,
        "the answer is no playlist: it begins with `<!doctype html>`, not with `#EXTM3U`"
    );
    let cases = [
        ("\u{feff}#EXTM3U\n", "byte order mark"),
        ("#EXTM3U8\n", "begins with"),
        ("\n#EXTM3U\n", "begins with"),
        ("#EXTM3U\ns0.ts\n", "line 2 of the playlist names a segment without `#EXTINF`"),
        ("#EXTM3U\n#EXTINF:x,\ns0.ts\n", "line 2 of the playlist: `EXTINF`"),
        ("#EXTM3U\n#EXTINF:-1,\ns0.ts\n", "`EXTINF`"),
        ("#EXTM3U\n#EXTINF:NaN,\ns0.ts\n", "`EXTINF`"),
        ("#EXTM3U\n#EXTINF:1e300,\ns0.ts\n", "`EXTINF`"),
        ("#EXTM3U\n#EXTINF:0,\ns0.ts\n", "no segment of the playlist has a length"),
        ("#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:5\ns0.ts\n", "`EXT-X-BYTERANGE`"),
        (
            "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:5@18446744073709551615\ns0.ts\n",
            "`EXT-X-BYTERANGE`",
        ),
        ("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n", "`EXT-X-MEDIA-SEQUENCE`"),
        ("#EXTM3U\n#EXT-X-MAP:BYTERANGE=\"1@0\"\n", "`EXT-X-MAP`"),
        ("#EXTM3U\n#EXT-X-ENDLIST\n", "names no segments"),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXTINF:1,\nb\n", "variants and segments"),
    ];
    for (text, why) in cases {
        assert!(error(text).contains(why), "{text:?}: {}", error(text));
    }
    assert_eq!(parse(b"#EXTM3U\n\xff\n"), Err(PlaylistError::Encoding));
}

#[test]
fn playlist_without_end_is_refused() {
    let text = format!("#EXTM3U\n{}", "#EXTINF:1,\na\n".repeat(SEGMENT_LIMIT + 1));
    assert_eq!(parse(text.as_bytes()), Err(PlaylistError::TooLong));
}

proptest! {
    #[test]
    fn any_lines_are_read_without_panic(
        lines in prop::collection::vec(
            prop_oneof![
                "(#EXTINF|#EXT-X-BYTERANGE|#EXT-X-MEDIA-SEQUENCE|#EXT-X-TARGETDURATION):[0-9.@e+-]{0,22},?",
                "#EXT-X-(KEY|MAP|STREAM-INF|MEDIA):[A-Z=\",@0-9]{0,30}",
                "#EXT-X-(KEY|MAP|STREAM-INF|MEDIA):(METHOD=NONE|URI=\"a\"|TYPE=AUDIO|GROUP-ID=\"a\"|AUDIO=\"a\"|BANDWIDTH=9|BYTERANGE=\"[0-9@]{1,9}\"|,){0,5}",
                "[a-z./?#€ ]{0,10}",
            ],
            0..20,
        ),
    ) {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        if let Ok(Playlist::Media(media)) = parse(text.as_bytes()) {
            prop_assert!(media.target >= TARGET_MIN);
            prop_assert!(media.segments.iter().all(|s| s.resource.range.is_none_or(|r| r.end > r.start)));
        }
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&bytes);
        let _ = parse(&[b"#EXTM3U\n", bytes.as_slice()].concat());
    }
}
