//! Playlists that ffmpeg made (`tests/data/hls/make`): a player loads what ffmpeg wrote, all of it and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::playlist::{Playlist, parse};

const BASE: &str = "http://h/tv/";

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/hls").join(name)
}

/// The names of the media beside the playlists, with their sizes.
fn files(name: &str) -> BTreeMap<String, u64> {
    let list = fs::read_to_string(folder(name).join("files")).expect("a list");
    let pairs = list.lines().filter_map(|line| line.rsplit_once(' '));
    pairs.map(|(file, size)| (file.to_owned(), size.parse().expect("a size"))).collect()
}

/// What a player loads that watches for a minute, without the base of its URLs, in order.
fn loaded(name: &str, choice: VariantChoice) -> (Vec<MediaResource>, Playback) {
    let mut now = RunTime::ZERO;
    let mut playing = Playback::new(now, Nanos::from_secs(60));
    let base = Url::parse(BASE).and_then(|base| base.join("main.m3u8")).expect("a URL");
    let read = |file: &str| fs::read(folder(name).join(file)).expect("a playlist");
    let text = read("main.m3u8");
    match parse(&text).expect("a playlist") {
        Playlist::Master(master) => playing.take_variants(&master, &base, choice).expect("URLs"),
        Playlist::Media(list) => playing.take_list(&list, &base, (3, now)).expect("URLs"),
    }
    while let Some(url) = playing.ask_for_list().map(str::to_owned) {
        let text = read(url.strip_prefix(BASE).expect("a playlist beside the first"));
        let Ok(Playlist::Media(list)) = parse(&text) else { panic!("{url} names no segments") };
        playing.take_list(&list, &base, (3, now)).expect("URLs");
    }
    let mut all = vec![];
    for _ in 0..100 {
        now = now + Nanos::from_millis(10);
        if playing.stops(now).is_some() {
            break;
        }
        playing.choose_track();
        let Some(resource) = playing.next_resource() else { break };
        let url = resource.url.strip_prefix(BASE).unwrap_or(&resource.url).to_owned();
        all.push(MediaResource { url, ..resource });
        playing.resource_came(now);
    }
    (all, playing)
}

#[test]
fn films_of_ffmpeg_are_loaded_whole() {
    for (name, more) in [
        ("files", None),
        ("fragments", None),
        ("event", None),
        ("encrypted", Some("http://h/keys/1?user=2")),
    ] {
        let (all, playing) = loaded(name, VariantChoice::First);
        let urls: BTreeSet<String> = all.iter().map(|resource| resource.url.clone()).collect();
        let expected: BTreeSet<String> =
            files(name).into_keys().chain(more.map(str::to_owned)).collect();
        assert_eq!(urls, expected, "{name}");
        assert_eq!(all.len(), urls.len(), "{name}: each once");
        assert!(all.iter().all(|resource| resource.range.is_none()), "{name}: {all:?}");
        assert_eq!(playing.played(), Nanos::from_secs(12), "{name}");
    }
}

/// Goal: parts of one file follow each other without a gap, from its first byte to its last.
#[test]
fn parts_of_ffmpegs_files_are_the_whole_file() {
    for name in ["one_file", "one_file_of_fragments"] {
        let mut next = 0;
        for resource in loaded(name, VariantChoice::First).0 {
            let range = resource.range.expect("a part");
            assert_eq!(range.start, next, "{name}");
            next = range.end;
        }
        let size: u64 = files(name).values().sum();
        assert_eq!(next, size, "{name}");
    }
}

#[test]
fn variant_of_ffmpegs_film_is_loaded_with_its_sound() {
    let names = |name: &str, choice: VariantChoice| -> Vec<String> {
        loaded(name, choice).0.into_iter().map(|resource| resource.url).collect()
    };
    assert_eq!(names("variants", VariantChoice::Lowest), ["0_0.ts", "0_1.ts", "0_2.ts"]);
    assert_eq!(names("variants", VariantChoice::Highest), ["1_0.ts", "1_1.ts", "1_2.ts"]);
    // Sound is the first playlist there, a little longer than the picture, and cut elsewhere.
    let apart = ["2_0.ts", "0_0.ts", "2_1.ts", "0_1.ts", "2_2.ts", "0_2.ts", "0_3.ts"];
    assert_eq!(names("sound_apart", VariantChoice::Highest), apart);
}

/// Goal: what is live is joined near its end.
#[test]
fn live_film_of_ffmpeg_is_joined_near_its_end() {
    let (all, playing) = loaded("live", VariantChoice::First);
    let urls: Vec<&str> = all.iter().map(|resource| resource.url.as_str()).collect();
    assert_eq!(urls, ["main3.ts", "main4.ts", "main5.ts"]);
    assert_eq!(playing.reload_due(), RunTime::ZERO + Nanos::from_secs(2));
}
