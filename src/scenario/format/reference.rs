//! A file format as a page of Markdown: each mapping with its keys, its rules and an example.

use std::fmt::Write as _;

use super::json_schema::UNITS;
use super::{Declaration, FileFormat, Grammar, Presence, Property, Rule, WordList, listed};

/// The page of a format, in the folder `docs/reference/`.
pub fn reference_page(format: &FileFormat) -> String {
    let mut page = format!(
        "# {}\n\n<!-- Written by `plimsoll schema --reference`; a test holds it to the parser. -->\n\n{}\n\n",
        format.file, format.about
    );
    page.push_str(&contents(format));
    page.push_str(&values());
    for declaration in format.mappings() {
        section(&mut page, declaration);
    }
    page
}

fn contents(format: &FileFormat) -> String {
    let names = format.mappings().into_iter().map(|declaration| link(declaration.name));
    format!("Mappings: {}.\n\n", names.collect::<Vec<_>>().join(", "))
}

/// What values look like that have a form of their own.
fn values() -> String {
    let mut out = String::from("## Values\n\n| value | example | what it is |\n|---|---|---|\n");
    let mut row = |name: &str, example: &str, about: &str| {
        let _ = writeln!(out, "| {name} | `{example}` | {about} |");
    };
    for (name, _, example, about) in UNITS {
        row(name, example, about);
    }
    row("quantity", "200ms", "A number, with a unit where the metric has one.");
    row("name", "search", "A letter or `_`, then letters, digits, `_`, `-` and `.`.");
    row(
        "template",
        "/users/{{ id }}",
        "Text in which `{{ … }}` is worked out anew for each request: a capture, `dataset.column`, or an expression.",
    );
    row("expression", "seats > 0", "What stands between `{{` and `}}`, without the braces.");
    row(
        "anywhere",
        "${HOST:-localhost}",
        "A value from the environment, with an optional default. What comes from the environment is secret.",
    );
    out.push('\n');
    out
}

fn section(page: &mut String, declaration: &Declaration) {
    let _ = write!(page, "## {}\n\n{}\n\n", declaration.name, declaration.about);
    if declaration.properties().next().is_some() || declaration.others.is_some() {
        page.push_str("| key | value | default | what it means |\n|---|---|---|---|\n");
    }
    for property in declaration.properties() {
        row(page, property);
    }
    if let Some(others) = &declaration.others {
        let _ =
            writeln!(page, "| *{}* | {} | | {} |", others.key, shown(&others.value), others.about);
    }
    page.push('\n');
    for rule in declaration.rules {
        let _ = writeln!(page, "{}\n", sentence(rule));
    }
    for (word_of, list) in declaration.properties().filter_map(word_list) {
        let _ = writeln!(page, "`{word_of}` is one of:\n");
        for (word, about) in list.words {
            let _ = writeln!(page, "- `{word}`: {about}");
        }
        page.push('\n');
    }
    let _ = write!(page, "```yaml\n{}\n```\n\n", declaration.example.trim());
}

fn row(page: &mut String, property: &Property) {
    let default = match property.presence {
        Presence::Required => "required".to_owned(),
        Presence::Optional => String::new(),
        Presence::Default(default) => code(default),
    };
    let example =
        property.example.map_or(String::new(), |example| format!(" Example: {}.", code(example)));
    let _ = writeln!(
        page,
        "| `{}` | {} | {default} | {}{example} |",
        property.name,
        shown(&property.value),
        property.about
    );
}

/// As code in a cell of a table, where a bar ends the cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn word_list(property: &'static Property) -> Option<(&'static str, &'static WordList)> {
    match &property.value {
        Grammar::Words(list) => Some((property.name, list)),
        Grammar::AnyOf(choices) => choices.iter().find_map(|choice| match choice {
            Grammar::Words(list) => Some((property.name, *list)),
            _ => None,
        }),
        _ => None,
    }
}

fn link(name: &str) -> String {
    format!("[{name}](#{name})")
}

fn shown(grammar: &Grammar) -> String {
    match grammar {
        Grammar::Anything => "anything".to_owned(),
        Grammar::Text(what) | Grammar::Form(what, _) => (*what).to_owned(),
        Grammar::Name => "name".to_owned(),
        Grammar::Flag => "`true` or `false`".to_owned(),
        Grammar::Number(low, high) => range("number", *low, *high),
        Grammar::Whole(low, high) => range("whole number", *low, *high),
        Grammar::Duration => "duration".to_owned(),
        Grammar::PositiveDuration => "duration above 0".to_owned(),
        Grammar::Share => "share".to_owned(),
        Grammar::Portion => "share, 0% to 100%".to_owned(),
        Grammar::Size => "size".to_owned(),
        Grammar::Money => "money".to_owned(),
        Grammar::Rate => "rate".to_owned(),
        Grammar::Quantity => "quantity".to_owned(),
        Grammar::Words(list) => {
            let words: Vec<String> =
                list.words.iter().map(|(word, _)| format!("`{word}`")).collect();
            words.join(", ")
        }
        Grammar::List(item) => format!("list of {}", shown(item)),
        Grammar::OneOrMany(item) => format!("{}, or a list of them", shown(item)),
        Grammar::Names(item) => format!("name → {}", shown(item)),
        Grammar::Texts(key, item) => format!("{key} → {}", shown(item)),
        Grammar::Mapping(declaration) => link(declaration.name),
        Grammar::AnyOf(choices) => choices.iter().map(shown).collect::<Vec<_>>().join(" or "),
    }
}

fn range(what: &str, low: f64, high: f64) -> String {
    if high.is_finite() {
        format!("{what}, {low} to {high}")
    } else if low > 0.0 {
        format!("{what} from {low}")
    } else {
        what.to_owned()
    }
}

fn sentence(rule: &Rule) -> String {
    match rule {
        Rule::OneOf(names) => format!("Exactly one of {} is given.", listed(names)),
        Rule::AtMostOne(names) => format!("At most one of {} is given.", listed(names)),
        Rule::AtLeastOne(names) => format!("At least one of {} is given.", listed(names)),
        Rule::Together(names) => format!("{} go together.", listed(names)),
        Rule::OneKey => "It has exactly one key.".to_owned(),
    }
}
