//! `cargo run --example site -- FOLDER`: the documentation as plain pages, with search, and `llms.txt`.
//!
//! README, `docs/` and the generated reference become a page each; nothing is loaded from elsewhere. A link that leads
//! nowhere, to a page or to a heading, is a mistake: all are told, and the exit code is 1.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The pages that do not stand below `docs/`, and the order of those that begin.
const FIRST: [(&str, &str); 7] = [
    ("README.md", "index.html"),
    ("docs/good-load-test.md", "good-load-test.html"),
    ("docs/journeys.md", "journeys.html"),
    ("docs/verdict.md", "verdict.html"),
    ("docs/from-other-tools.md", "from-other-tools.html"),
    ("CHANGELOG.md", "changelog.html"),
    ("SECURITY.md", "security.html"),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(std::env::args().nth(1).ok_or("usage: site FOLDER")?);
    let site = Site::read(root)?;
    let broken = site.broken(root);
    for link in &broken {
        writeln!(std::io::stderr(), "{link}")?;
    }
    site.write(&out)?;
    writeln!(std::io::stdout(), "{} pages in {}", site.pages.len(), out.display())?;
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A page.
struct SitePage {
    /// Where its text is, from the repository's root.
    source: String,
    /// Where it goes.
    file: String,
    title: String,
    /// Its first paragraph, as plain text.
    lead: String,
    body: String,
    /// Its plain text, for the search.
    words: String,
    anchors: BTreeSet<String>,
    /// Links as they are written.
    links: Vec<String>,
}

struct Site {
    pages: Vec<SitePage>,
}

impl Site {
    fn read(root: &Path) -> Result<Self, Box<dyn Error>> {
        let mut sources: Vec<(String, String)> =
            FIRST.iter().map(|(source, file)| ((*source).to_owned(), (*file).to_owned())).collect();
        for folder in ["docs", "docs/reference"] {
            let mut found: Vec<String> = fs::read_dir(root.join(folder))?
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
                .collect();
            found.sort();
            for name in found {
                let source = format!("{folder}/{name}");
                let file =
                    source.trim_start_matches("docs/").replace('/', "-").replace(".md", ".html");
                if sources.iter().all(|(known, _)| *known != source) {
                    sources.push((source, file));
                }
            }
        }
        let files: BTreeMap<String, String> = sources.iter().cloned().collect();
        let page = |(source, file): &(String, String)| -> Result<SitePage, Box<dyn Error>> {
            let text = fs::read_to_string(root.join(source))?;
            Ok(SitePage::new(source, file, &text, &files))
        };
        Ok(Self { pages: sources.iter().map(page).collect::<Result<_, _>>()? })
    }

    /// Links that lead nowhere.
    fn broken(&self, root: &Path) -> Vec<String> {
        let anchors: BTreeMap<&str, &BTreeSet<String>> =
            self.pages.iter().map(|page| (page.source.as_str(), &page.anchors)).collect();
        let mut broken = vec![];
        for page in &self.pages {
            for link in page.links.iter().filter(|link| !link.contains("://")) {
                let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
                let target =
                    if path.is_empty() { page.source.clone() } else { beside(&page.source, path) };
                let leads = match anchors.get(target.as_str()) {
                    Some(known) => anchor.is_empty() || known.contains(anchor),
                    None => anchor.is_empty() && root.join(&target).exists(),
                };
                if !leads {
                    broken.push(format!("{}: `{link}` leads nowhere", page.source));
                }
            }
        }
        broken
    }

    fn write(&self, out: &Path) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(out)?;
        for page in &self.pages {
            fs::write(out.join(&page.file), self.framed(page))?;
        }
        fs::write(out.join("search.json"), self.index().to_string())?;
        fs::write(out.join("llms.txt"), self.for_models())?;
        Ok(())
    }

    /// The page in its frame: where else to go, and a search.
    fn framed(&self, page: &SitePage) -> String {
        let mut list = String::new();
        for other in &self.pages {
            let here = if other.file == page.file { " aria-current=\"page\"" } else { "" };
            let _ = write!(
                list,
                "<li><a href=\"{}\"{here}>{}</a></li>",
                other.file,
                escaped(&other.title)
            );
        }
        include_str!("site.html")
            .replace("{{title}}", &escaped(&page.title))
            .replace("{{pages}}", &list)
            .replace("{{body}}", &page.body)
    }

    fn index(&self) -> serde_json::Value {
        self.pages
            .iter()
            .map(|page| serde_json::json!({ "file": page.file, "title": page.title, "words": page.words }))
            .collect()
    }

    /// `llms.txt` (<https://llmstxt.org>): what there is to read, a line a page.
    fn for_models(&self) -> String {
        let mut text = String::from("# plimsoll\n\n");
        for page in self.pages.iter().take(1) {
            let _ = write!(text, "> {}\n\n## Pages\n\n", page.lead);
        }
        for page in &self.pages {
            let _ = writeln!(text, "- [{}]({}): {}", page.title, page.source, page.lead);
        }
        text
    }
}

impl SitePage {
    fn new(source: &str, file: &str, text: &str, files: &BTreeMap<String, String>) -> Self {
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut page = Self {
            source: source.to_owned(),
            file: file.to_owned(),
            title: String::new(),
            lead: String::new(),
            body: String::new(),
            words: String::new(),
            anchors: BTreeSet::new(),
            links: vec![],
        };
        let (mut events, mut heading, mut in_lead): (
            Vec<Event<'_>>,
            Option<(usize, HeadingLevel)>,
            bool,
        ) = (vec![], None, false);
        for event in Parser::new_ext(text, options) {
            match &event {
                Event::Start(Tag::Heading { level, .. }) => {
                    heading = Some((page.words.len(), *level));
                }
                Event::End(TagEnd::Heading(_)) => {
                    page.close_heading(&mut heading, &mut events);
                }
                Event::Start(Tag::Paragraph) => in_lead = page.lead.is_empty(),
                Event::End(TagEnd::Paragraph) => in_lead = false,
                Event::Text(words) | Event::Code(words) => {
                    page.words.push_str(words);
                    if in_lead {
                        page.lead.push_str(words);
                    }
                }
                Event::SoftBreak | Event::End(_) => {
                    page.words.push(' ');
                    if in_lead {
                        page.lead.push(' ');
                    }
                }
                _ => {}
            }
            events.push(page.relinked(event, files));
        }
        html::push_html(&mut page.body, events.into_iter());
        page.lead = page.lead.split_whitespace().collect::<Vec<_>>().join(" ");
        page
    }

    /// Gives the heading that ends here the anchor that GitHub gives it.
    fn close_heading(
        &mut self,
        heading: &mut Option<(usize, HeadingLevel)>,
        events: &mut [Event<'_>],
    ) {
        let Some((from, level)) = heading.take() else { return };
        let text = self.words[from..].trim().to_owned();
        if level == HeadingLevel::H1 && self.title.is_empty() {
            self.title.clone_from(&text);
        }
        let anchor = slug(&text);
        for event in events.iter_mut().rev() {
            if let Event::Start(Tag::Heading { id, .. }) = event {
                *id = Some(CowStr::from(anchor.clone()));
                break;
            }
        }
        self.anchors.insert(anchor);
    }

    /// A link to a page leads to its file of the site.
    fn relinked<'e>(&mut self, event: Event<'e>, files: &BTreeMap<String, String>) -> Event<'e> {
        let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event else {
            return event;
        };
        self.links.push(dest_url.to_string());
        let (path, anchor) = dest_url
            .split_once('#')
            .map_or((&*dest_url, None), |(path, anchor)| (path, Some(anchor)));
        let dest_url = match files.get(&beside(&self.source, path)) {
            Some(file) if !path.is_empty() => {
                CowStr::from(anchor.map_or(file.clone(), |anchor| format!("{file}#{anchor}")))
            }
            _ => dest_url,
        };
        Event::Start(Tag::Link { link_type, dest_url, title, id })
    }
}

/// The path of `link`, which stands in `source`, from the repository's root.
fn beside(source: &str, link: &str) -> String {
    let mut parts: Vec<&str> = source.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `Times of successes` → `times-of-successes`
fn slug(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
