//! How many things a function takes, counted inside tuples: `(a, b): (A, B)` is two.
//!
//! What a trait from elsewhere prescribes is left out: nobody here chose it.

use super::source::{Token, behind_group, tokens};

/// A function and the number of things it takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) function: String,
    pub(crate) line: usize,
    pub(crate) things: usize,
}

/// Every named function of a text, in order, without those for tests and those that implement a trait.
pub(crate) fn taken(text: &str) -> Vec<Taken> {
    let all = tokens(text);
    let mut found = Vec::new();
    let mut prescribed_until = 0;
    for at in 0..all.len() {
        if all[at].text == "impl" {
            prescribed_until = prescribed_until.max(end_of_trait(&all, at));
        }
        if at < prescribed_until {
            continue;
        }
        let Some(name) = all.get(at + 1).filter(|name| all[at].text == "fn" && name.is_word())
        else {
            continue;
        };
        let open = behind_generics(&all, at + 2);
        let inside = &all[open + 1..behind_group(&all, open) - 1];
        found.push(Taken {
            function: name.text.to_owned(),
            line: name.line,
            things: by_comma(inside).into_iter().map(things).sum(),
        });
    }
    found
}

/// The index behind `impl Trait for Type { … }`, or `at` if this is none.
fn end_of_trait(all: &[Token<'_>], at: usize) -> usize {
    let is_item = at == 0 || matches!(all[at - 1].text, "}" | ";" | "{" | "]");
    let Some(open) = all[at..].iter().position(|token| matches!(token.text, "{" | ";")) else {
        return at;
    };
    let names_a_trait =
        all[at..at + open].windows(2).any(|pair| pair[0].text == "for" && pair[1].text != "<");
    if is_item && names_a_trait { behind_group(all, at + open) } else { at }
}

fn behind_generics(all: &[Token<'_>], mut at: usize) -> usize {
    let mut depth = 0;
    loop {
        match all[at].text {
            "<" => depth += 1,
            ">" => depth -= 1,
            _ if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
}

/// What a parameter `pattern: Type` counts for.
fn things(parameter: &[Token<'_>]) -> usize {
    let colon = parameter.iter().position(|token| token.text == ":");
    size(colon.map_or(parameter, |colon| &parameter[colon + 1..]))
}

/// A tuple, borrowed or not, counts for what is in it; a list of tuples is one thing.
fn size(mut of: &[Token<'_>]) -> usize {
    while let Some((first, rest)) = of.split_first() {
        if !matches!(first.text, "&" | "mut") && !first.text.starts_with('\'') {
            break;
        }
        of = rest;
    }
    if of.first().is_some_and(|token| token.text == "(") && behind_group(of, 0) == of.len() {
        return by_comma(&of[1..of.len() - 1]).into_iter().map(size).sum();
    }
    1
}

/// The parts between commas that stand in no bracket.
fn by_comma<'a, 'b>(tokens: &'a [Token<'b>]) -> Vec<&'a [Token<'b>]> {
    let mut depth = 0;
    let parts = tokens.split(|token| {
        match token.text {
            "(" | "[" | "{" | "<" => depth += 1,
            ")" | "]" | "}" | ">" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.text == ","
    });
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn things_of(text: &str) -> Vec<usize> {
        taken(text).into_iter().map(|taken| taken.things).collect()
    }

    #[test]
    fn tuples_count_for_what_is_in_them() {
        assert_eq!(things_of("fn f<T: Into<(A, B)>>(&self, (a, b): (A, (B, C)), d: T) {}"), [5]);
        assert_eq!(things_of("fn f(pair: &'a mut (A, B)) -> (A, B, C) {}"), [2]);
        assert_eq!(things_of("fn f() {} fn g(a: A,) {}"), [0, 1]);
    }

    #[test]
    fn methods_that_a_trait_prescribes_are_left_out() {
        let text = "impl<A> Trait for B { fn f(a: (A, B)) {} } impl B { fn g(a: A) {} }";
        assert_eq!(things_of(text), [1]);
        assert_eq!(things_of("impl<F: for<'a> Fn(&'a A)> B<F> { fn g(a: (A, B)) {} }"), [2]);
    }

    #[test]
    fn lists_and_calls_are_one_thing() {
        assert_eq!(things_of("fn f(a: &[(A, B)], b: Option<(A, B)>, c: fn(A, B) -> C) {}"), [3]);
        assert_eq!(things_of("fn f(a: &mut dyn FnMut(A, B), b: (impl Fn(A, B) + 'a)) {}"), [2]);
    }
}
