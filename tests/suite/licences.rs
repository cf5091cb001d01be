//! What `deny.toml` allows, held to what `cargo metadata` tells of every package that is built: the same rules for those
//! who have no `cargo-deny`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Where cargo looks up a package of crates.io.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The licences that `deny.toml` allows.
fn allowed(rules: &str) -> Vec<&str> {
    let section = rules.split("[licenses]").nth(1).expect("a section of licences");
    let list = section.split("allow = [").nth(1).and_then(|rest| rest.split(']').next());
    list.expect("a list").split('"').skip(1).step_by(2).collect()
}

/// Whether a licence expression (SPDX specification, annex D) can be met with the licences `allowed`.
fn is_met(expression: &str, allowed: &[&str]) -> bool {
    // Cargo once parted licences by a slash.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_met(&mut rest, allowed);
    assert!(rest.is_empty(), "`{expression}` is no licence expression");
    met
}

/// `A OR B`, which binds less than `AND`.
fn any_met(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = all_met(rest, allowed);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        met |= all_met(rest, allowed);
    }
    met
}

/// `A AND B`.
fn all_met(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let mut met = one_met(rest, allowed);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        met &= one_met(rest, allowed);
    }
    met
}

/// A licence, one with an exception, or an expression in brackets.
fn one_met(rest: &mut &[&str], allowed: &[&str]) -> bool {
    let (first, behind) = rest.split_first().expect("a licence");
    *rest = behind;
    if *first == "(" {
        let met = any_met(rest, allowed);
        assert_eq!(rest.first(), Some(&")"), "a bracket is open");
        *rest = &rest[1..];
        return met;
    }
    let mut licence = (*first).to_owned();
    if let ["WITH", exception, behind @ ..] = *rest {
        licence = format!("{licence} WITH {exception}");
        *rest = behind;
    }
    allowed.contains(&licence.as_str())
}

/// Why a package may not be built in; nothing where it may.
fn refused(package: &Value, allowed: &[&str]) -> Option<String> {
    let named = format!("{} {}", package["name"], package["version"]);
    let source = package["source"].as_str();
    if source.is_some_and(|source| source != CRATES_IO) {
        return Some(format!("{named} comes from {source:?}"));
    }
    let open = package["dependencies"].as_array().expect("a list").iter();
    // Those of others are theirs, and cannot be changed here.
    let open = open.filter(|on| source.is_none() && on["req"] == "*" && on["path"].is_null());
    if let Some(on) = open.map(|on| &on["name"]).next() {
        return Some(format!("{named} takes any version of {on}"));
    }
    let licence = package["license"].as_str().unwrap_or_default();
    (licence.is_empty() || !is_met(licence, allowed)).then(|| format!("{named}: `{licence}`"))
}

/// Goal: nothing is linked in or built with whose licence or source the project does not allow.
#[test]
fn every_package_has_a_licence_and_a_source_that_are_allowed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = std::fs::read_to_string(root.join("deny.toml")).expect("the rules");
    let allowed = allowed(&rules);
    assert!(allowed.contains(&"MIT"), "{allowed:?}");
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", &platform])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "only {} packages", packages.len());
    let refused: Vec<String> =
        packages.iter().filter_map(|package| refused(package, &allowed)).collect();
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
}

#[test]
fn licence_expression_is_met_as_it_is_meant() {
    let allowed = ["MIT", "Apache-2.0 WITH LLVM-exception", "ISC"];
    for met in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "Apache-2.0 WITH LLVM-exception OR Apache-2.0",
        "(GPL-3.0 OR MIT) AND ISC",
        "GPL-3.0 AND BSL-1.0 OR ISC",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "MIT AND (GPL-3.0 OR BSL-1.0)"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn package_is_refused_for_its_licence_its_source_or_a_version_left_open() {
    let package = |licence: Value, source: Value, requirement: &str| {
        serde_json::json!({
            "name": "a", "version": "1.0.0", "license": licence, "source": source,
            "dependencies": [{ "name": "b", "req": requirement, "path": null }],
        })
    };
    let refused = |package: Value| refused(&package, &["MIT"]);
    assert_eq!(refused(package("MIT".into(), CRATES_IO.into(), "*")), None);
    assert_eq!(refused(package("MIT".into(), Value::Null, "^1")), None);
    assert!(refused(package("MIT".into(), Value::Null, "*")).is_some(), "any version");
    assert!(refused(package("MIT".into(), "git+https://h/a".into(), "^1")).is_some(), "a source");
    assert!(refused(package(Value::Null, CRATES_IO.into(), "^1")).is_some(), "no licence");
    assert!(refused(package("GPL-3.0".into(), CRATES_IO.into(), "^1")).is_some(), "its licence");
}
