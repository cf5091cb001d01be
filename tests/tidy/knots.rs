//! Knots: files of a room that import each other in a circle, so that none is understood before the others.
//!
//! An import points to the file that defines what is imported: a folder's root that merely declares its
//! parts and passes their names on is no part of a knot. A root that uses its parts, which in turn use what
//! the root defines, is one. So is a type whose methods stand in another file that its own file calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::source::{Token, behind_group, tokens};

/// Files of one room, each of which reaches every other by its imports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Knot {
    pub(crate) room: String,
    /// As they stand below the source folder, sorted.
    pub(crate) files: Vec<String>,
    /// From, to, and where: `app/run.rs`, `app/drive.rs`, `12: drive`.
    pub(crate) edges: Vec<(String, String, String)>,
}

impl fmt::Display for Knot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} files of `{}` in a knot:", self.files.len(), self.room)?;
        self.edges.iter().try_for_each(|(from, to, place)| writeln!(f, "  {from}:{place} → {to}"))
    }
}

/// The knots among files given by their path below the source folder and their text.
pub(crate) fn knots(files: &[(String, String)]) -> Vec<Knot> {
    let house = House::of(files);
    let mut edges: BTreeMap<(usize, usize), String> = BTreeMap::new();
    for (from, file) in house.files.iter().enumerate() {
        for (to, place) in house.leaning_of(from) {
            if to != from && house.files[to].room() == file.room() {
                edges.entry((from, to)).or_insert(place);
            }
        }
    }
    let reached: Vec<BTreeSet<usize>> =
        (0..house.files.len()).map(|from| reachable(from, &edges)).collect();
    let mut found = Vec::new();
    let mut tied = BTreeSet::new();
    for from in 0..house.files.len() {
        let knot: BTreeSet<usize> =
            reached[from].iter().copied().filter(|to| reached[*to].contains(&from)).collect();
        if knot.contains(&from) && tied.insert(knot.clone()) {
            found.push(house.knot(&knot, &edges));
        }
    }
    found
}

fn reachable(from: usize, edges: &BTreeMap<(usize, usize), String>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for (_, to) in edges.keys().filter(|(edge, _)| *edge == at) {
            if found.insert(*to) {
                open.push(*to);
            }
        }
    }
    found
}

/// All files, and where each module stands.
struct House {
    files: Vec<File>,
    modules: BTreeMap<Vec<String>, usize>,
}

/// What a file defines, imports and mentions.
#[derive(Default)]
struct File {
    path: String,
    module: Vec<String>,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths outside `use`: `wall::now`.
    paths: Vec<(Vec<String>, usize)>,
    /// All words outside `use`.
    words: BTreeSet<String>,
    /// What is called behind a dot or as `Type::method`.
    calls: BTreeSet<String>,
    /// Types of another file that get methods here, and the names of the methods.
    methods: Vec<(String, BTreeSet<String>)>,
}

struct Import {
    path: Vec<String>,
    /// What the file calls it; empty for `*`.
    name: String,
    is_public: bool,
    line: usize,
}

impl File {
    fn room(&self) -> &str {
        &self.module[0]
    }

    fn of(path: &str, text: &str) -> Self {
        let place = path.trim_end_matches(".rs");
        let module = place.trim_end_matches("/lib").split('/').map(str::to_owned).collect();
        let mut file = Self { path: path.to_owned(), module, ..Self::default() };
        file.read(&tokens(text));
        file
    }

    fn read(&mut self, all: &[Token<'_>]) {
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(token) = all.get(at) {
            match token.text {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "use" => {
                    at = self.read_use(all, at);
                    continue;
                }
                "impl" if depth == 0 => self.read_impl(all, at),
                "struct" | "enum" | "trait" | "fn" | "type" | "const" | "static" | "union"
                    if depth == 0 =>
                {
                    self.defined.extend(all.get(at + 1).map(|name| name.text.to_owned()));
                }
                _ if token.is_word() => {
                    at = self.read_path(all, at);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads `a::b::c` from the first word on; returns the index behind it.
    fn read_path(&mut self, all: &[Token<'_>], mut at: usize) -> usize {
        let first = at;
        let line = all[at].line;
        let mut path = vec![all[at].text.to_owned()];
        at += 1;
        while all.get(at).is_some_and(|token| token.text == "::")
            && all.get(at + 1).is_some_and(Token::is_word)
        {
            path.push(all[at + 1].text.to_owned());
            at += 2;
        }
        let is_method = path.len() > 1 || (first > 0 && all[first - 1].text == ".");
        if is_method && all.get(at).is_some_and(|token| matches!(token.text, "(" | "::")) {
            self.calls.extend(path.last().cloned());
        }
        self.words.extend(path.iter().cloned());
        if path.len() > 1 {
            self.paths.push((path, line));
        }
        at
    }

    /// Reads the `use` at `at`; returns the index behind its semicolon.
    fn read_use(&mut self, all: &[Token<'_>], at: usize) -> usize {
        let is_public = at > 0 && matches!(all[at - 1].text, "pub" | ")");
        let end =
            all[at..].iter().position(|token| token.text == ";").map_or(all.len(), |n| at + n);
        self.read_tree(&all[at + 1..end], &[], is_public);
        end + 1
    }

    fn read_tree(&mut self, tree: &[Token<'_>], prefix: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut at = 0;
        while let Some(token) = tree.get(at) {
            match token.text {
                "{" => {
                    let inside = &tree[at + 1..behind_group(tree, at) - 1];
                    for branch in branches(inside) {
                        self.read_tree(branch, &path, is_public);
                    }
                    return;
                }
                "as" => break,
                "::" => {}
                text => path.push(text.to_owned()),
            }
            at += 1;
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let Some(last) = path.last().cloned() else { return };
        let name = tree.get(at + 1).map_or(last, |alias| alias.text.to_owned());
        let is_glob = name == "*";
        if is_glob {
            path.pop();
        }
        let name = if is_glob { String::new() } else { name };
        self.imports.push(Import { path, name, is_public, line: tree[0].line });
    }

    /// Notes the methods of `impl Type { … }`.
    fn read_impl(&mut self, all: &[Token<'_>], at: usize) {
        let Some(length) = all[at..].iter().position(|token| token.text == "{") else { return };
        let head = &all[at + 1..at + length];
        if head.iter().any(|token| token.text == "for") {
            return;
        }
        let mut depth = 0;
        let mut name = None;
        for token in head {
            match token.text {
                "<" => depth += 1,
                ">" => depth -= 1,
                "where" => break,
                _ if depth == 0 && token.is_word() => name = Some(token.text.to_owned()),
                _ => {}
            }
        }
        let body = &all[at + length..behind_group(all, at + length)];
        let methods = body.windows(2).filter(|pair| pair[0].text == "fn");
        let methods = methods.map(|pair| pair[1].text.to_owned()).collect();
        self.methods.extend(name.map(|name| (name, methods)));
    }
}

/// The branches of a `use` tree.
fn branches<'a, 'b>(inside: &'a [Token<'b>]) -> Vec<&'a [Token<'b>]> {
    let mut depth = 0;
    let parts = inside.split(|token| {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.text == ","
    });
    parts.filter(|part| !part.is_empty()).collect()
}

impl House {
    fn of(files: &[(String, String)]) -> Self {
        let files: Vec<File> = files.iter().map(|(path, text)| File::of(path, text)).collect();
        let modules =
            files.iter().enumerate().map(|(at, file)| (file.module.clone(), at)).collect();
        Self { files, modules }
    }

    fn knot(&self, files: &BTreeSet<usize>, edges: &BTreeMap<(usize, usize), String>) -> Knot {
        let path = |at: usize| self.files[at].path.clone();
        let within = edges.iter().filter(|((a, b), _)| files.contains(a) && files.contains(b));
        Knot {
            room: self.files.get(*files.first().unwrap_or(&0)).map_or("", File::room).to_owned(),
            files: files.iter().map(|at| path(*at)).collect(),
            edges: within.map(|((a, b), place)| (path(*a), path(*b), place.clone())).collect(),
        }
    }

    /// What a file needs to be understood: the files that define it, and where it says so.
    fn leaning_of(&self, from: usize) -> Vec<(usize, String)> {
        let file = &self.files[from];
        let mut found = Vec::new();
        let mut lean = |to: Option<Place>, line: usize, name: &str| match to {
            Some(Place::Item(to)) => found.push((to, format!("{line}: {name}"))),
            Some(Place::Module(_)) | None => {}
        };
        for import in &file.imports {
            if import.name.is_empty() {
                match self.resolved(&file.module, &import.path, 0) {
                    Some(Place::Module(module)) if !import.is_public => {
                        let to = self.modules.get(&module).map(|to| Place::Item(*to));
                        lean(to, import.line, "*");
                    }
                    to => lean(to, import.line, "*"),
                }
            } else if !import.is_public || file.words.contains(&import.name) {
                lean(self.resolved(&file.module, &import.path, 0), import.line, &import.name);
            }
        }
        for (path, line) in &file.paths {
            lean(self.resolved(&file.module, path, 0), *line, &path.join("::"));
        }
        for (to, other) in self.files.iter().enumerate().filter(|(to, _)| *to != from) {
            for (name, methods) in
                other.methods.iter().filter(|(name, _)| file.defined.contains(name))
            {
                let called = methods.iter().find(|method| file.calls.contains(*method));
                let is_ours = self.resolved(&other.module, std::slice::from_ref(name), 0);
                if let (Some(called), Some(Place::Item(at))) = (called, is_ours)
                    && at == from
                {
                    found.push((to, format!("1: {name}::{called}")));
                }
            }
        }
        found
    }

    /// Where a path leads that is written in `module`, if it stays in the house.
    fn resolved(&self, module: &[String], path: &[String], hops: usize) -> Option<Place> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            _ => return self.named(module, path, hops),
        };
        while let Some((first, further)) = rest.split_first().filter(|(first, _)| *first == "super")
        {
            debug_assert_eq!(first, "super");
            at.pop();
            rest = further;
        }
        if rest.is_empty() {
            return Some(Place::Module(at));
        }
        match self.named(&at, rest, hops) {
            None if !at.is_empty() => self.modules.get(&at).map(|file| Place::Item(*file)),
            found => found,
        }
    }

    /// What the first word of a path names in a module: a part of it, something it defines or imports.
    fn named(&self, module: &[String], path: &[String], hops: usize) -> Option<Place> {
        const MOST_HOPS: usize = 20;
        let (first, rest) = path.split_first().filter(|_| hops < MOST_HOPS)?;
        let mut part = module.to_vec();
        part.push(first.clone());
        if self.modules.contains_key(&part) {
            if rest.is_empty() {
                return Some(Place::Module(part));
            }
            let file = self.modules.get(&part).map(|file| Place::Item(*file));
            return self.named(&part, rest, hops + 1).or(file);
        }
        let at = *self.modules.get(module)?;
        let file = &self.files[at];
        if file.defined.contains(first) {
            return Some(Place::Item(at));
        }
        let (globs, named): (Vec<&Import>, Vec<&Import>) =
            file.imports.iter().partition(|import| import.name.is_empty());
        if let Some(import) = named.iter().find(|import| import.name == *first) {
            return match self.resolved(module, &import.path, hops + 1)? {
                Place::Module(module) if !rest.is_empty() => {
                    let file = self.modules.get(&module).map(|file| Place::Item(*file));
                    self.named(&module, rest, hops + 1).or(file)
                }
                place => Some(place),
            };
        }
        globs.iter().find_map(|glob| match self.resolved(module, &glob.path, hops + 1)? {
            Place::Module(module) => self.named(&module, path, hops + 1),
            Place::Item(_) => None,
        })
    }
}

/// What a path names.
enum Place {
    Module(Vec<String>),
    /// Something that the file with this index defines.
    Item(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of every knot among the given files.
    fn tied(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let files: Vec<_> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        knots(&files).into_iter().map(|knot| knot.files).collect()
    }

    const ROOT: (&str, &str) = ("room.rs", "mod a; mod b; mod c; pub use a::A; pub use b::B;");

    #[test]
    fn imports_in_one_direction_are_no_knot() {
        let a = ("room/a.rs", "use super::B; pub struct A(B);");
        let b = ("room/b.rs", "use super::c::C; pub struct B(C);");
        let c = ("room/c.rs", "pub struct C; impl C { fn super_a() {} }");
        assert_eq!(tied(&[ROOT, a, b, c]), Vec::<Vec<String>>::new());
    }

    #[test]
    fn a_circle_of_imports_is_a_knot_however_each_is_written() {
        let a = ("room/a.rs", "use super::{b::{B as Other}}; pub struct A(Other);");
        let b = ("room/b.rs", "pub struct B(crate::room::c::C);");
        let c = ("room/c.rs", "use crate::room; pub struct C; fn f() { room::A::new() }");
        assert_eq!(tied(&[ROOT, a, b, c]), [["room/a.rs", "room/b.rs", "room/c.rs"]]);
    }

    #[test]
    fn a_root_that_uses_its_parts_is_in_the_knot_if_they_use_what_it_defines() {
        let defines = "mod a; use a::A; pub struct Whole(A);";
        let declares = "mod a; mod whole; pub use {a::A, whole::Whole};";
        let part = ("room/a.rs", "use super::Whole; pub struct A;");
        assert_eq!(tied(&[("room.rs", defines), part]), [["room.rs", "room/a.rs"]]);
        let whole = ("room/whole.rs", "pub struct Whole;");
        assert!(tied(&[("room.rs", declares), part, whole]).is_empty());
    }

    #[test]
    fn what_a_root_passes_on_and_uses_itself_counts() {
        let root = "mod a; pub use a::A; pub fn f(_: A) {}";
        let part = ("room/a.rs", "pub struct A; fn g() { super::f(A) }");
        assert_eq!(tied(&[("room.rs", root), part]), [["room.rs", "room/a.rs"]]);
    }

    #[test]
    fn methods_in_another_file_that_the_types_own_file_calls_are_a_knot() {
        let a = ("room/a.rs", "pub struct A; impl A { fn go(&self) { self.further() } }");
        let b = ("room/b.rs", "use super::a::A; impl A { pub(super) fn further(&self) {} }");
        assert_eq!(tied(&[ROOT, a, b]), [["room/a.rs", "room/b.rs"]]);
        let alone = ("room/a.rs", "pub struct A; impl A { fn go(&self) {} }");
        assert!(tied(&[ROOT, alone, b]).is_empty());
    }

    #[test]
    fn circles_between_rooms_and_in_tests_are_not_this_rule_s() {
        let other = ("other.rs", "use crate::room::A; pub struct O(A);");
        let a = ("room/a.rs", "use crate::other::O; pub struct A(O);");
        let b = ("room/b.rs", "pub struct B; #[cfg(test)] mod tests { use super::super::c::C; }");
        let c = ("room/c.rs", "use super::B; pub struct C(B);");
        assert!(tied(&[ROOT, a, b, c, other]).is_empty());
    }
}
