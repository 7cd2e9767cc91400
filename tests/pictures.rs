//! Pictures of cells: the same for the same genotype, everything legible and nothing in the way of anything else.

mod common;

use common::{darts_space, edas, repository, space_of};
use edas::report::picture::cell;
use edas::space::{Architecture, Genotype, Space};
use proptest::prelude::*;

/// A box of a picture: left, top, width, height; and its text.
#[derive(Debug)]
struct Shown {
    frame: [f64; 4],
    text: String,
}

fn attribute(element: &str, name: &str) -> f64 {
    let value = element.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {element}"))
}

/// The size of each cell type's part, and its boxes.
fn parts(svg: &str) -> Vec<Vec<Shown>> {
    // A part begins with its title, which is bold.
    svg.split("font-weight=\"bold\"")
        .skip(1)
        .map(|part| {
            part.split("<g><rect")
                .skip(1)
                .map(|shown| {
                    let frame = ["x", "y", "width", "height"].map(|name| attribute(shown, name));
                    let text =
                        shown.split("<text").nth(1).and_then(|t| t.split('>').nth(1)).and_then(|t| t.split('<').next());
                    Shown { frame, text: text.expect("its text").to_owned() }
                })
                .collect()
        })
        .collect()
}

/// Boxes lie within the picture and apart from each other, and texts within their boxes, however wide their letters.
fn assert_legible(genotype: &Genotype) {
    let svg = cell::svg(genotype);
    assert_eq!(svg, cell::svg(genotype));
    let (width, height) = (attribute(&svg, "width"), attribute(&svg, "height"));
    for (part, (_, cell)) in parts(&svg).iter().zip(&genotype.cells.0) {
        let mut expected: Vec<&str> = cell.edges.iter().map(|edge| edge.candidate.as_str()).collect();
        let mut operations: Vec<&str> =
            part.iter().map(|shown| shown.text.as_str()).filter(|text| expected.contains(text)).collect();
        expected.sort_unstable();
        operations.sort_unstable();
        assert_eq!(operations, expected);
        for (at, Shown { frame: [x, y, w, h], text }) in part.iter().enumerate() {
            assert!(*x >= 0.0 && *y >= 0.0 && x + w <= width && y + h <= height, "{text} lies outside");
            assert!(text.chars().count() as f64 * 6.5 < w + 4.0, "{text} does not fit into {w}");
            for other in &part[at + 1..] {
                let [left, top, wide, tall] = other.frame;
                let apart = x + w <= left || left + wide <= *x || y + h <= top || top + tall <= *y;
                assert!(apart, "{text} and {} overlap", other.text);
            }
        }
    }
}

fn genotype(space: &Space, round: &[usize]) -> Genotype {
    let choice = |(at, count): (usize, usize)| match round[at % round.len()] {
        0 => None,
        other => Some((other - 1) % count),
    };
    let counts = space.edges().map(|(_, edge)| edge.candidates.len());
    Genotype::new(space, &counts.enumerate().map(choice).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn any_genotype_is_legible(round in prop::collection::vec(0usize..9, 1..40)) {
        assert_legible(&genotype(&darts_space(), &round));
    }
}

#[test]
fn other_spaces_are_drawn() {
    let nb201 = space_of("nb201", edas_nb201::SPACE);
    let text = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|";
    let genotype = text.parse::<Architecture>().and_then(|a| a.genotype(&nb201)).expect("a genotype");
    assert_legible(&genotype);
    let svg = cell::svg(&genotype);
    // Three edges of one kind, of one colour; what carries nothing is pale.
    assert_eq!(svg.matches("#CFE3F7").count(), 3, "{svg}");
    assert!(svg.contains("stroke-dasharray"));
}

/// What nobody could follow is not drawn, but written for `dot`; texts of any kind are quoted there.
#[test]
fn large_cells_and_odd_names() {
    let edges: String = (1..40).map(|to| format!("      - {{from: {}, to: {to}}}\n", to - 1)).collect();
    let nodes = |list: &str| {
        format!(
            "space: 1\nname: large\ncell_types:\n  - name: \"a \\\"b\\\" \\\\ <c>\"\n    inputs: 1\n    nodes: 39\n    edges:\n{list}\
             \x20     candidates: [none, skip_connect]\n    combine: sum\n    output: {{node: 39}}\n\
             backbone:\n  stem: {{op: stem_cifar, channels: channels}}\n  cells: {{repeat: cells, type: \"a \\\"b\\\" \\\\ <c>\"}}\n  head: {{op: pool_linear}}\n"
        )
    };
    let few = genotype(&space_of("darts-ops", &nodes(&format!("      list:\n{edges}"))), &[2]);
    assert!(cell::svg(&few).contains("a &quot;b&quot; \\ &lt;c&gt;") && cell::svg(&few).contains("skip_connect"));
    assert!(cell::dot(&few).contains(r#"label="a \"b\" \\ <c>""#));
    let many = genotype(&space_of("darts-ops", &nodes("      from: all_before\n")), &[2]);
    assert!(cell::svg(&many).contains("1561 arrows: too many for a picture"));
    assert_eq!(cell::dot(&many).matches(" -> ").count(), 1561);
}

/// A picture is the same wherever it is made: by the program, in any process, as SVG and as PNG.
#[test]
fn the_program_writes_the_same_picture_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let export = |format: &str| {
        let mut command = edas(folder.path());
        command.arg("export").arg(repository("specs/genotypes/darts_v2.txt")).args(["--format", format]);
        command.assert().success().get_output().stdout.clone()
    };
    let svg = String::from_utf8(export("svg")).expect("text");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.contains("sep_conv_3x3"));
    assert_eq!(export("svg"), svg.as_bytes());
    let png = export("png");
    assert_eq!(export("png"), png);
    let image = image::load_from_memory(&png).expect("a PNG");
    assert_eq!(f64::from(image.width()), 2.0 * attribute(&svg, "width"));
    assert_eq!(f64::from(image.height()), 2.0 * attribute(&svg, "height"));
    // Something is painted, letters included: paper, and a good share of other colours.
    let white = image.to_rgb8().pixels().filter(|pixel| pixel.0 == [255; 3]).count() as f64;
    let share = white / f64::from(image.width() * image.height());
    assert!((0.6..0.97).contains(&share), "{share} of the picture is white");
    insta::assert_snapshot!("darts_v2.svg", svg.replace("><", ">\n<"));
}
