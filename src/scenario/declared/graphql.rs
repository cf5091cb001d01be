//! A GraphQL operation over HTTP.

use super::failure::ON_FAILURE;
use super::request::{HEADERS, REST, SIGNED};
use crate::format::{Declaration, Grammar, Property, Rule, optional, required};

static KEYS: &[Property] = &[
    optional("url", Grammar::Text("template"), "Where the server is.").default("/graphql"),
    optional(
        "name",
        Grammar::Name,
        "The step's name in tables; that of the operation where none is given.",
    )
    .example("flights"),
    required(
        "query",
        Grammar::Text("document, or path ending in .graphql or .gql"),
        "The document: as it stands, or the file that it stands in, relative to the one that names it.",
    )
    .example("queries/flights.graphql"),
    optional(
        "operation",
        Grammar::Text("name of an operation"),
        "Which operation of the document; needed where it has several.",
    )
    .example("Flights"),
    optional("variables", Grammar::Anything, "A mapping of values; the texts in it are templates.")
        .example("{ from: '{{ routes.from }}' }"),
    optional(
        "allow_errors",
        Grammar::Flag,
        "Whether an answer with `errors` is right: of partial results, which checks may look into.",
    )
    .default("false"),
];

pub(crate) static GRAPHQL: Declaration = Declaration {
    name: "graphql",
    place: "`graphql`",
    about: "A GraphQL operation, sent by POST as JSON. An answer of any status whose body has `errors` is a failure of \
            its own class (`graphql`), and so is one with neither `data` nor `errors`. Values go into `variables`: \
            templates in a document mean nothing.",
    groups: &[KEYS, HEADERS, REST, SIGNED, ON_FAILURE],
    others: None,
    rules: &[Rule::AtMostOne(&["bearer", "basic", "sign"])],
    example: "
scenarios:
  search:
    flow:
      - graphql:
          query: 'query Flights($from: String!) { flights(from: $from) { id seats } }'
          variables: { from: GRU }
          capture: { flight_id: '$.data.flights[0].id' }
",
};
