//! Servers of videos (RFC 8216). Each refuses what a player should not ask for, and so says what it asked.

use super::{Cage, Deed, Visitor, visit};

const STEP: &str = "{ hls: { name: NAME_view, manifest: { name: NAME_list, url: URL/tv/main.m3u8 }, \
                    segment: { name: NAME }, watch: 300ms } }";

/// Three short segments with `more` before the first.
fn film(more: &str, names: [&str; 3]) -> String {
    let segments = names.map(|name| format!("#EXTINF:0.1,\n{name}\n")).concat();
    format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{more}{segments}#EXT-X-ENDLIST\n")
}

fn answer(visitor: &mut Visitor, status: &str, body: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    visitor.send(format!("{head}{body}").as_bytes())
}

/// Answers `lists` with their texts, and `allowed` with a segment; anything else is not there.
fn serve(visitor: &mut Visitor, lists: &[(&str, String)], allowed: &[&str]) -> std::io::Result<()> {
    let path = visitor.head.split(' ').nth(1).unwrap_or_default().to_owned();
    if let Some((_, list)) = lists.iter().find(|(known, _)| *known == path) {
        return answer(visitor, "200 OK", list);
    }
    let status = if allowed.contains(&path.as_str()) { "200 OK" } else { "404 Not Found" };
    answer(visitor, status, "segment")
}

const MAIN: &str = "/tv/main.m3u8";

const SOUND: &str = "#EXTM3U\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",URI=\"de.m3u8\"\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"en/list.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\npictures.m3u8\n";

const FILMS: &[Cage] = &[
    well("names_files_beside_it", |v| {
        serve(v, &[(MAIN, film("", ["a", "b", "c"]))], &["/tv/a", "/tv/b", "/tv/c"])
    }),
    well("names_files_elsewhere", |v| {
        let names = ["../up/a", "/root", "?back=http://x.test/"];
        serve(
            v,
            &[(MAIN, film("", names))],
            &["/up/a", "/root", "/tv/main.m3u8?back=http://x.test/"],
        )
    }),
    well("writes_blanks", |v| {
        let names = ["my film.ts", "./b c", "%20d"];
        serve(v, &[(MAIN, film("", names))], &["/tv/my%20film.ts", "/tv/b%20c", "/tv/%20d"])
    }),
    well("sends_on_to_another_folder", |v| {
        if v.head.starts_with("GET /tv/") {
            return v.send(
                b"HTTP/1.1 302 Found\r\nlocation: /cdn/v7/x.m3u8\r\ncontent-length: 0\r\n\r\n",
            );
        }
        let names = ["/cdn/v7/a", "/cdn/v7/b", "/cdn/v7/c"];
        serve(v, &[("/cdn/v7/x.m3u8", film("", ["a", "b", "c"]))], &names)
    }),
    well("has_keys_and_maps", |v| {
        let more = "#EXT-X-KEY:METHOD=AES-128,URI=\"/key\"\n#EXT-X-MAP:URI=\"init.mp4\"\n";
        let names = ["/key", "/tv/init.mp4", "/tv/a", "/tv/b", "/tv/c"];
        serve(v, &[(MAIN, film(more, ["a", "b", "c"]))], &names)
    }),
    well("has_parts_of_one_file", |v| {
        let list = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.1,\n#EXT-X-BYTERANGE:100@50\nall.ts\n\
                    #EXTINF:0.2,\n#EXT-X-BYTERANGE:25\nall.ts\n#EXT-X-ENDLIST\n";
        let is_part = matches!(v.header("range"), "bytes=50-149" | "bytes=150-174");
        match v.head.starts_with("GET /tv/all.ts") {
            true if is_part => answer(v, "206 Partial Content", "segment"),
            true => answer(v, "400 Bad Request", ""),
            false => answer(v, "200 OK", list),
        }
    }),
    well("has_variants", |v| {
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow/list.m3u8\n";
        let lists = [(MAIN, master.to_owned()), ("/tv/low/list.m3u8", film("", ["a", "b", "c"]))];
        serve(v, &lists, &["/tv/low/a", "/tv/low/b", "/tv/low/c"])
    }),
    well("has_sound_apart", |v| {
        let lists = [
            (MAIN, SOUND.to_owned()),
            ("/tv/pictures.m3u8", film("", ["a", "b", "c"])),
            ("/tv/en/list.m3u8", film("#EXT-X-MAP:URI=\"init\"\n", ["a", "b", "c"])),
        ];
        let sound = ["/tv/en/init", "/tv/en/a", "/tv/en/b", "/tv/en/c"];
        serve(v, &lists, &[&["/tv/a", "/tv/b", "/tv/c"][..], &sound].concat())
    }),
    failed("is_a_login_page", "it begins with `<!doctype html>`", |v| {
        answer(v, "200 OK", "<!doctype html>\n<html>log in</html>\n")
    }),
    failed("is_empty", "it is empty", |v| answer(v, "200 OK", "")),
    failed("names_no_lengths", "without `#EXTINF`", |v| answer(v, "200 OK", "#EXTM3U\na.ts\n")),
    failed("leads_out_of_the_web", "no http or https URL", |v| {
        answer(v, "200 OK", &film("", ["ftp://h/a", "b", "c"]))
    }),
    failed("names_nobody", "names no segments", |v| {
        answer(v, "200 OK", "#EXTM3U\n#EXT-X-ENDLIST\n")
    }),
];

const fn well(name: &'static str, deed: Deed) -> Cage {
    Cage { name, step: STEP, deed, row: "", class: "", message: "" }
}

const fn failed(name: &'static str, message: &'static str, deed: Deed) -> Cage {
    Cage { class: "check_failed", message, row: "_list", ..well(name, deed) }
}

/// Goal: prove that a player finds what a playlist names, and nothing else, and that what is no playlist is named.
#[test]
fn films_are_watched_as_players_watch_them() {
    visit(FILMS, "{ timeout: 1s }", 4);
}

/// Goal: prove that a master playlist that names itself is fetched twice, and then named.
#[test]
fn master_playlist_of_itself_is_asked_for_twice() {
    let name = "names_itself";
    let cage = Cage {
        row: "_view.first_segment",
        ..well(name, |v| answer(v, "200 OK", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n"))
    };
    let result = super::play(&[cage], "{ timeout: 1s }", 4).0;
    let list = &result["whole_run"]["steps"]["names_itself_list"];
    let count = |pointer: &str| list.pointer(pointer).and_then(serde_json::Value::as_u64);
    let iterations = result["load"]["iterations"].as_u64().expect("a number");
    assert_eq!(count("/requests"), Some(2 * iterations), "{list:#}");
    assert_eq!(count("/errors/by_class/check_failed"), Some(iterations), "{list:#}");
}

/// Goal: prove that a film whose sound is no playlist fails its viewer there, and is not watched in silence.
#[test]
fn sound_that_is_no_playlist_fails_its_viewer() {
    let cage = Cage {
        row: "_view.first_segment",
        ..well("has_no_sound", |v| {
            let lists =
                [(MAIN, SOUND.to_owned()), ("/tv/pictures.m3u8", film("", ["a", "b", "c"]))];
            serve(v, &lists, &["/tv/en/list.m3u8"])
        })
    };
    let result = super::play(&[cage], "{ timeout: 1s }", 4).0;
    let steps = &result["whole_run"]["steps"];
    let iterations = &result["load"]["iterations"];
    let failed = &steps["has_no_sound_list"]["errors"]["by_class"]["check_failed"];
    assert_eq!(failed, iterations, "{steps:#}");
    assert!(steps["has_no_sound"]["requests"].as_u64().unwrap_or(0) == 0, "{steps:#}");
    let told = result["error_examples"].to_string();
    assert!(told.contains("it begins with `segment`"), "{told}");
}
