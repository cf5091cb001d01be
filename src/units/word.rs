//! Words that machines read: an enum of which each variant is one word in files and logs.

/// Defines an enum whose variants are serialised, printed and read as the given words.
///
/// An unknown word is an error. Each word is written once: what is serialised and what is shown cannot differ.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        $vis enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order in which they are defined.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in files and logs.
            $vis const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// What a word means, if it means anything.
            $vis fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.word() == word)
            }
        }

        /// Prints the word.
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    words! {
        /// Two words.
        enum Side {
            /// One.
            OfTheLeft = "left_side",
            /// The other.
            Right = "right side",
        }
    }

    #[test]
    fn words_are_written_and_read_alike_everywhere() {
        for side in Side::ALL {
            let word = format!("\"{side}\"");
            assert_eq!(serde_json::to_string(side).expect("a word"), word);
            assert_eq!(serde_json::from_str::<Side>(&word).expect("the same word"), *side);
            assert_eq!(Side::from_word(side.word()), Some(*side));
        }
        assert!(serde_json::from_str::<Side>("\"middle\"").is_err());
        assert_eq!(Side::from_word("middle"), None);
        assert_eq!(Side::OfTheLeft.word(), "left_side");
    }
}
