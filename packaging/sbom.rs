//! `cargo metadata --format-version 1 --filter-platform TARGET | cargo run --example sbom`: what the program consists of,
//! as `CycloneDX` 1.5 (<https://cyclonedx.org/docs/1.5/json/>).
//!
//! Dependencies of tests and benches, and tools of the build, are not in the program and so not in the list.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let document = bill(&serde_json::from_str(&text)?).ok_or("not what cargo metadata prints")?;
    writeln!(std::io::stdout(), "{document:#}")?;
    Ok(())
}

/// The bill of materials of the package that the metadata is of.
fn bill(metadata: &Value) -> Option<Value> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let root = metadata["resolve"]["root"].as_str()?;
    let (mut found, mut open) = (BTreeSet::new(), vec![root]);
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(linked(nodes.get(id)?));
        }
    }
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()?
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let reference = |id: &str| packages.get(id).map(|package| address(package));
    let components: Vec<Value> = found
        .iter()
        .filter(|id| **id != root)
        .filter_map(|id| packages.get(id).map(|package| component(package, "library")))
        .collect();
    let dependencies: Vec<Value> = found
        .iter()
        .filter_map(|id| {
            let on: Vec<String> = linked(nodes.get(id)?).filter_map(reference).collect();
            Some(json!({ "ref": reference(id)?, "dependsOn": on }))
        })
        .collect();
    Some(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(packages.get(root)?, "application") },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The packages that are linked in: neither those of tests nor those of build scripts.
fn linked(node: &Value) -> impl Iterator<Item = &str> {
    let normal = |on: &&Value| {
        let kinds = on["dep_kinds"].as_array();
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
    };
    let all = node["deps"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter(normal).filter_map(|on| on["pkg"].as_str())
}

/// The package URL (<https://github.com/package-url/purl-spec>).
fn address(package: &Value) -> String {
    let field = |name: &str| package[name].as_str().unwrap_or_default().replace('+', "%2B");
    format!("pkg:cargo/{}@{}", field("name"), field("version"))
}

fn component(package: &Value, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": address(package),
        "name": package["name"],
        "version": package["version"],
        "purl": address(package),
    });
    if let Some(licence) = package["license"].as_str() {
        // Cargo once parted licences by a slash.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    component
}
