package passerelle.analysis;

import java.io.Reader;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.lucene.analysis.CharArraySet;
import org.apache.lucene.analysis.LowerCaseFilter;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.Tokenizer;
import org.apache.lucene.analysis.charfilter.MappingCharFilter;
import org.apache.lucene.analysis.charfilter.NormalizeCharMap;
import org.apache.lucene.analysis.en.EnglishPossessiveFilter;
import org.apache.lucene.analysis.en.PorterStemFilter;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.apache.lucene.analysis.miscellaneous.LengthFilter;
import org.apache.lucene.analysis.miscellaneous.TruncateTokenFilter;
import org.apache.lucene.analysis.ngram.EdgeNGramTokenFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceCharFilter;
import org.apache.lucene.analysis.pattern.PatternReplaceFilter;
import org.apache.lucene.analysis.snowball.SnowballFilter;
import org.apache.lucene.analysis.util.CharTokenizer;
import org.apache.lucene.analysis.util.ElisionFilter;
import org.elasticsearch.common.regex.Regex;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.AbstractCharFilterFactory;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.Analysis;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingCharFilterFactory;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.tartarus.snowball.ext.EnglishStemmer;
import org.tartarus.snowball.ext.FrenchStemmer;
import org.tartarus.snowball.ext.SpanishStemmer;

/**
 * The tokenizer, char filters and token filters that our index settings name.
 *
 * <p>The distribution that Maven has is made for Elastic's own tests and leaves out the module
 * analysis-common, though Lucene's classes behind it are in its lib folder. This registers the
 * parts that we use under the names, parameters and defaults of the reference
 * (https://www.elastic.co/docs/reference/text-analysis), so that the production settings work
 * unchanged. A full server needs none of it.
 */
public class AnalysisParts extends Plugin implements AnalysisPlugin {

    private static final Pattern ESCAPE = Pattern.compile("\\\\(u\\p{XDigit}{4}|.?)", Pattern.DOTALL);
    private static final Map<String, String> ESCAPED =
        Map.of("\\", "\\", "n", "\n", "t", "\t", "r", "\r", "b", "\b", "f", "\f");
    private static final Set<Integer> PUNCTUATION = Set.of(
        (int) Character.START_PUNCTUATION, (int) Character.END_PUNCTUATION,
        (int) Character.OTHER_PUNCTUATION, (int) Character.CONNECTOR_PUNCTUATION,
        (int) Character.DASH_PUNCTUATION, (int) Character.INITIAL_QUOTE_PUNCTUATION,
        (int) Character.FINAL_QUOTE_PUNCTUATION);
    private static final Set<Integer> SYMBOL = Set.of(
        (int) Character.CURRENCY_SYMBOL, (int) Character.MATH_SYMBOL,
        (int) Character.MODIFIER_SYMBOL, (int) Character.OTHER_SYMBOL);

    @Override
    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
        return Map.of("char_group", (index, environment, name, settings) -> charGroup(name, settings));
    }

    @Override
    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
        return Map.of(
            "mapping", charFilter(AnalysisParts::mapping),
            "pattern_replace", charFilter(AnalysisParts::patternReplace));
    }

    @Override
    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
        Map<String, AnalysisProvider<TokenFilterFactory>> filters = new HashMap<>();
        filters.put("lowercase", (index, environment, name, settings) -> lowercase(name, settings));
        filters.put("asciifolding", (index, environment, name, settings) -> asciifolding(name, settings));
        filters.put("elision", AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) ->
            elision(name, Analysis.parseArticles(environment, settings))));
        filters.put("stemmer", filter((name, settings) -> stemmer(settings)));
        filters.put("truncate", AnalysisPlugin.requiresAnalysisSettings(filter((name, settings) -> truncate(settings))));
        filters.put("length", filter((name, settings) -> length(settings)));
        filters.put("edge_ngram", (index, environment, name, settings) -> edgeNgram(name, settings));
        filters.put("pattern_replace", AnalysisPlugin.requiresAnalysisSettings(filter((name, settings) -> patternReplaced(settings))));
        filters.put("unique", filter((name, settings) -> unique(settings)));
        return filters;
    }

    private static TokenizerFactory charGroup(String name, Settings settings) {
        int longest = settings.getAsInt("max_token_length", CharTokenizer.DEFAULT_MAX_WORD_LEN);
        IntPredicate separates = settings.getAsList("tokenize_on_chars").stream()
            .map(AnalysisParts::separator)
            .reduce(c -> false, IntPredicate::or);
        return TokenizerFactory.newFactory(name, () -> splitting(separates, longest));
    }

    private static Tokenizer splitting(IntPredicate separates, int longest) {
        return new CharTokenizer(TokenStream.DEFAULT_TOKEN_ATTRIBUTE_FACTORY, longest) {
            @Override
            protected boolean isTokenChar(int c) {
                return !separates.test(c);
            }
        };
    }

    private static IntPredicate separator(String group) {
        return switch (group) {
            case "whitespace" -> Character::isWhitespace;
            case "letter" -> Character::isLetter;
            case "digit" -> Character::isDigit;
            case "punctuation" -> c -> PUNCTUATION.contains(Character.getType(c));
            case "symbol" -> c -> SYMBOL.contains(Character.getType(c));
            default -> single(group.length() == 1 ? group : unescaped(group), group);
        };
    }

    private static IntPredicate single(String character, String group) {
        if (character.length() != 1) {
            throw new IllegalArgumentException("[tokenize_on_chars]: neither a class nor one character: [" + group + "]");
        }
        return c -> c == character.charAt(0);
    }

    private static UnaryOperator<Reader> mapping(String name, Settings settings) {
        if (!settings.hasValue("mappings")) {
            throw new IllegalArgumentException("[mappings] is missing for char filter [" + name + "]");
        }
        NormalizeCharMap.Builder map = new NormalizeCharMap.Builder();
        for (String rule : settings.getAsList("mappings")) {
            int arrow = rule.lastIndexOf("=>");
            if (arrow < 0) {
                throw new IllegalArgumentException("not a mapping rule: [" + rule + "]");
            }
            map.add(unescaped(rule.substring(0, arrow).trim()), unescaped(rule.substring(arrow + 2).trim()));
        }
        NormalizeCharMap built = map.build();
        return in -> new MappingCharFilter(built, in);
    }

    private static String unescaped(String text) {
        return ESCAPE.matcher(text).replaceAll(found -> Matcher.quoteReplacement(character(found, text)));
    }

    private static String character(MatchResult escape, String text) {
        String code = escape.group(1);
        if (code.isEmpty() || code.equals("u")) {
            throw new IllegalArgumentException("incomplete escape in [" + text + "]");
        }
        return code.length() == 5
            ? String.valueOf((char) Integer.parseInt(code.substring(1), 16))
            : ESCAPED.getOrDefault(code, code);
    }

    private static UnaryOperator<Reader> patternReplace(String name, Settings settings) {
        String pattern = settings.get("pattern", "");
        if (pattern.isEmpty()) {
            throw new IllegalArgumentException("[pattern] is missing for char filter [" + name + "]");
        }
        Pattern compiled = Regex.compile(pattern, settings.get("flags"));
        String replacement = settings.get("replacement", "");
        return in -> new PatternReplaceCharFilter(compiled, replacement, in);
    }

    private static UnaryOperator<TokenStream> patternReplaced(Settings settings) {
        Pattern compiled = Regex.compile(settings.get("pattern"), settings.get("flags"));
        String replacement = settings.get("replacement", "");
        boolean all = settings.getAsBoolean("all", true);
        return in -> new PatternReplaceFilter(in, compiled, replacement, all);
    }

    private static TokenFilterFactory lowercase(String name, Settings settings) {
        if (settings.hasValue("language")) {
            throw new IllegalArgumentException("lowercase with [language] is not in the test server");
        }
        return new Normalizing(name, LowerCaseFilter::new, LowerCaseFilter::new);
    }

    private static TokenFilterFactory asciifolding(String name, Settings settings) {
        boolean both = settings.getAsBoolean("preserve_original", false);
        // A normalizer must give one token.
        return new Normalizing(name, in -> new ASCIIFoldingFilter(in, both), ASCIIFoldingFilter::new);
    }

    private static TokenFilterFactory elision(String name, CharArraySet articles) {
        if (articles == null) {
            throw new IllegalArgumentException("[articles] is missing for token filter [" + name + "]");
        }
        return new Normalizing(name, in -> new ElisionFilter(in, articles), in -> new ElisionFilter(in, articles));
    }

    /** English is Porter's first stemmer, as on a full server; Snowball's English is "porter2". */
    private static UnaryOperator<TokenStream> stemmer(Settings settings) {
        String language = settings.get("language", settings.get("name", "porter"));
        return switch (language.toLowerCase(Locale.ROOT)) {
            case "english", "porter" -> PorterStemFilter::new;
            case "porter2" -> in -> new SnowballFilter(in, new EnglishStemmer());
            case "possessive_english" -> EnglishPossessiveFilter::new;
            case "french" -> in -> new SnowballFilter(in, new FrenchStemmer());
            case "spanish" -> in -> new SnowballFilter(in, new SpanishStemmer());
            default -> throw new IllegalArgumentException("not in the test server: stemmer [" + language + "]");
        };
    }

    private static UnaryOperator<TokenStream> truncate(Settings settings) {
        int length = settings.getAsInt("length", -1);
        if (length <= 0) {
            throw new IllegalArgumentException("truncate needs a [length] of 1 or more");
        }
        return in -> new TruncateTokenFilter(in, length);
    }

    private static UnaryOperator<TokenStream> length(Settings settings) {
        int min = settings.getAsInt("min", 0);
        int max = settings.getAsInt("max", Integer.MAX_VALUE);
        return in -> new LengthFilter(in, min, max);
    }

    private static TokenFilterFactory edgeNgram(String name, Settings settings) {
        int min = settings.getAsInt("min_gram", 1);
        int max = settings.getAsInt("max_gram", 2);
        boolean both = settings.getAsBoolean("preserve_original", false);
        return new AbstractTokenFilterFactory(name) {
            @Override
            public TokenStream create(TokenStream in) {
                return new EdgeNGramTokenFilter(in, min, max, both);
            }

            @Override
            public boolean breaksFastVectorHighlighter() {
                return true;
            }
        };
    }

    private static UnaryOperator<TokenStream> unique(Settings settings) {
        boolean onSamePosition = settings.getAsBoolean("only_on_same_position", false);
        return in -> new UniqueFilter(in, onSamePosition);
    }

    private static AnalysisProvider<TokenFilterFactory> filter(
            BiFunction<String, Settings, UnaryOperator<TokenStream>> configured) {
        return (index, environment, name, settings) -> {
            UnaryOperator<TokenStream> wrap = configured.apply(name, settings);
            return new AbstractTokenFilterFactory(name) {
                @Override
                public TokenStream create(TokenStream in) {
                    return wrap.apply(in);
                }
            };
        };
    }

    private static AnalysisProvider<CharFilterFactory> charFilter(
            BiFunction<String, Settings, UnaryOperator<Reader>> configured) {
        return AnalysisPlugin.requiresAnalysisSettings((index, environment, name, settings) ->
            new NormalizingCharFilter(name, configured.apply(name, settings)));
    }

    private static class NormalizingCharFilter extends AbstractCharFilterFactory
            implements NormalizingCharFilterFactory {

        private final UnaryOperator<Reader> wrap;

        NormalizingCharFilter(String name, UnaryOperator<Reader> wrap) {
            super(name);
            this.wrap = wrap;
        }

        @Override
        public Reader create(Reader in) {
            return wrap.apply(in);
        }
    }

    /** A token filter that may also stand in a normalizer. */
    private static class Normalizing extends AbstractTokenFilterFactory implements NormalizingTokenFilterFactory {

        private final Function<TokenStream, TokenStream> wrap;
        private final Function<TokenStream, TokenStream> normal;

        Normalizing(String name, Function<TokenStream, TokenStream> wrap, Function<TokenStream, TokenStream> normal) {
            super(name);
            this.wrap = wrap;
            this.normal = normal;
        }

        @Override
        public TokenStream create(TokenStream in) {
            return wrap.apply(in);
        }

        @Override
        public TokenStream normalize(TokenStream in) {
            return normal.apply(in);
        }
    }
}
