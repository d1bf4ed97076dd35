//! The sources of `plain-0.2.0.wasm`: ordinary WIT functions, no SDK.

wit_bindgen::generate!({
    inline: r#"
        package compat:plain;
        world plain {
            /// One more than the argument.
            export add-one: func(x: s64) -> s64;
            /// The text in capitals; an empty one is a failure.
            export shout: func(text: string) -> result<string, string>;
        }
    "#,
});

struct Plain;

impl Guest for Plain {
    fn add_one(x: i64) -> i64 {
        x + 1
    }

    fn shout(text: String) -> Result<String, String> {
        if text.is_empty() {
            return Err("nothing to shout".to_owned());
        }
        Ok(text.to_ascii_uppercase())
    }
}

export!(Plain);
