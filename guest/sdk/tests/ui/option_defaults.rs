use wudf_guest::{UdfOptions, udf};

#[derive(UdfOptions)]
struct Text {
    #[option(default = "many")]
    words: u32,
}

#[derive(UdfOptions)]
struct Misspelt {
    #[option(defualt = 1)]
    words: u32,
}

struct Excerpt;

#[udf]
impl Excerpt {
    fn open(_: Misspelt) -> Self {
        Self
    }

    fn excerpt(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn main() {}
