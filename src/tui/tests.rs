//! Every screen as text, at the sizes that people have.
