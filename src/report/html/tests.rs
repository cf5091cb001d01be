//! The page's script, its text, and whether its colours can be told apart and read.

use super::{SCRIPT, STYLE, code};

#[test]
fn script_is_small_and_takes_no_text_for_markup() {
    assert!(SCRIPT.len() <= 15 * 1024, "{} bytes", SCRIPT.len());
    assert_eq!(SCRIPT.matches("innerHTML").count(), 1, "numbers of our own, in `draw`");
    for request in ["fetch(", "XMLHttp", "http:", "https:", "import(", "eval("] {
        assert!(!SCRIPT.contains(request), "{request}");
    }
}

/// What makes the script small must not change what it says.
#[test]
fn texts_of_the_script_stay_as_they_are() {
    let script = include_str!("page.js");
    let lines = script.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let texts: Vec<&str> = lines.flat_map(|line| line.split('\'').skip(1).step_by(2)).collect();
    assert!(texts.len() > 50, "{}", texts.len());
    for text in texts {
        assert!(!text.contains(", ") && !text.contains(" => "), "{text}");
    }
}

#[test]
fn backticks_become_code_and_foreign_markup_stays_text() {
    let html = |text| code(text).to_string();
    assert_eq!(html("give `--duration` <b>"), "give <code>--duration</code> &lt;b&gt;");
    assert_eq!(html("one ` alone"), "one ` alone");
    assert_eq!(html("`<script>` and `"), "<code>&lt;script&gt;</code> and `");
}

/// A colour as linear red, green and blue, each 0 to 1.
type LinearColour = [f64; 3];

fn linear(hex: &str) -> LinearColour {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&hex[at..at + 2], 16).expect("two hexadecimal digits");
        let share = f64::from(byte) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    [channel(1), channel(3), channel(5)]
}

/// The colour variables of a theme: `light`, `dark` or `print`, in the order of the style sheet.
fn colours(theme: usize) -> std::collections::HashMap<String, LinearColour> {
    let block = STYLE.split(":root {").nth(theme + 1).expect("a theme");
    let block = block.split('}').next().expect("its end");
    let variables = block.split(';').filter_map(|line| line.trim().split_once(": "));
    let coloured = variables.filter(|(_, value)| value.starts_with('#'));
    coloured
        .map(|(name, value)| {
            let digits = &value[1..];
            let long: String = match digits.len() {
                3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
                _ => digits.to_owned(),
            };
            (name.trim_start_matches("--").to_owned(), linear(&format!("#{long}")))
        })
        .collect()
}

/// WCAG 2.2: relative luminance.
fn luminance([red, green, blue]: LinearColour) -> f64 {
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(a: LinearColour, b: LinearColour) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// What people without cones for red, green or blue see (Machado, Oliveira and Fernandes 2009, severity 1), and what
/// everyone else does.
const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
    ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ),
];

fn seen(colour: LinearColour, sight: &[[f64; 3]; 3]) -> LinearColour {
    sight.map(|row| {
        let sum: f64 = row.iter().zip(colour).map(|(weight, value)| weight * value).sum();
        sum.clamp(0.0, 1.0)
    })
}

/// CIE L*a*b* under D65.
fn lab([red, green, blue]: LinearColour) -> [f64; 3] {
    let cube = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let across = cube((0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47);
    let light = cube(0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue);
    let deep = cube((0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83);
    [116.0 * light - 16.0, 500.0 * (across - light), 200.0 * (light - deep)]
}

/// CIEDE2000 (Sharma, Wu and Dalal 2005) with all weights 1.
fn difference([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let seventh = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25_f64.powi(7))).sqrt();
    let stretch = 1.5 - 0.5 * seventh(f64::midpoint(a1.hypot(b1), a2.hypot(b2)));
    let (a1, a2) = (a1 * stretch, a2 * stretch);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |green: f64, blue: f64| blue.atan2(green).to_degrees().rem_euclid(360.0);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let is_grey = c1 * c2 == 0.0;
    let turn = if is_grey { 0.0 } else { (h2 - h1 + 540.0).rem_euclid(360.0) - 180.0 };
    let (lightness, chroma) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));
    let middle = if is_grey { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let weight =
        1.0 - 0.17 * cos(middle - 30.0) + 0.24 * cos(2.0 * middle) + 0.32 * cos(3.0 * middle + 6.0)
            - 0.2 * cos(4.0 * middle - 63.0);
    let deviation = (lightness - 50.0).powi(2);
    let lighter = (l2 - l1) / (1.0 + 0.015 * deviation / (20.0 + deviation).sqrt());
    let stronger = (c2 - c1) / (1.0 + 0.045 * chroma);
    let turned =
        2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin() / (1.0 + 0.015 * chroma * weight);
    let around = 60.0 * (-((middle - 275.0) / 25.0).powi(2)).exp();
    let rotation = -around.to_radians().sin() * 2.0 * seventh(chroma);
    (lighter.powi(2) + stronger.powi(2) + turned.powi(2) + rotation * stronger * turned).sqrt()
}

#[test]
fn difference_is_that_of_the_published_pairs() {
    // Sharma, Wu and Dalal 2005, table 1, pairs 1, 7 and 25.
    for (a, b, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
    ] {
        let found = difference(a, b);
        assert!((found - expected).abs() < 1e-4, "{found} instead of {expected}");
    }
}

/// Goal: prove that no two series look alike to anyone. A difference of 3 is hardly seen on thin lines; 15 is.
#[test]
fn series_can_be_told_apart_whatever_cones_a_reader_has() {
    for (theme, name) in ["light", "dark", "print"].into_iter().enumerate() {
        let colours = colours(theme);
        let series: Vec<LinearColour> =
            (1..=8).map(|number| colours[&format!("c{number}")]).collect();
        for (sight, matrix) in &SIGHTS {
            let seen: Vec<[f64; 3]> =
                series.iter().map(|colour| lab(seen(*colour, matrix))).collect();
            for (a, one) in seen.iter().enumerate() {
                for (b, other) in seen.iter().enumerate().skip(a + 1) {
                    let found = difference(*one, *other);
                    assert!(
                        found >= 15.0,
                        "{name}, {sight}: c{} and c{}: {found:.1}",
                        a + 1,
                        b + 1
                    );
                }
            }
        }
    }
}

/// Goal: prove that texts have 4.5:1 and lines 3:1 against what they lie on (WCAG 2.2, 1.4.3 and 1.4.11).
#[test]
fn texts_and_lines_stand_out_from_their_grounds() {
    for (theme, name) in ["light", "dark", "print"].into_iter().enumerate() {
        let colours = colours(theme);
        let least = |front: &str, grounds: &[&str], wanted: f64| {
            for ground in grounds {
                let found = contrast(colours[front], colours[*ground]);
                assert!(found >= wanted, "{name}: {front} on {ground}: {found:.2}");
            }
        };
        for text in ["text", "soft"] {
            least(text, &["ground", "card"], 4.5);
        }
        least("link", &["ground"], 4.5);
        least("event", &["card"], 4.5);
        least("line", &["ground", "card"], 3.0);
        for kind in ["good", "warn", "bad", "idle"] {
            least(kind, &[&format!("{kind}-bg")], 4.5);
            least("text", &[&format!("{kind}-bg")], 4.5);
        }
        for number in 1..=8 {
            least(&format!("c{number}"), &["card", "judged"], 3.0);
        }
        least("limit", &["card", "judged"], 3.0);
        // The more there is in a cell of the heat map, the further it stands out.
        let cells: Vec<f64> =
            (1..=5).map(|shade| contrast(colours[&format!("h{shade}")], colours["card"])).collect();
        assert!(cells.windows(2).all(|pair| pair[1] > pair[0] * 1.3), "{name}: {cells:?}");
    }
}
