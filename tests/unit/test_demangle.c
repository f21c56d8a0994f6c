/* Names of symbols: what C++ and Rust make of those in the source, and what is no such thing. */
#include "launcher/demangle.h"

#include "base/compiler.h"
#include "support/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(demangle, says_names_as_the_source_has_them)
{
    static const struct {
        const char *symbol, *name;
    } SYMBOLS[] = {
        {"_ZN1r4shop5Order3pay17h2e421f5eb3a40a3dE", "r::shop::Order::pay"},
        {"_ZN59_$LT$std..net..tcp..TcpStream$u20$as$u20$std..io..Write$GT$5write17h0123456789abcdefE",
         "<std::net::tcp::TcpStream as std::io::Write>::write"},
        {"_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17ha86af84d9cc65291E",
         "std::rt::lang_start::{{closure}}"},
        {"_ZN4shop4Cart3payEi", "shop::Cart::pay"},
        {"_ZNK4shop4CartclEi", "shop::Cart::operator()"},
        {"_ZN4shop3payEPFivE", "shop::pay"},
        {"_ZN4shop4Cart6refundIiEEvT_", "void shop::Cart::refund<int>"},
        {"_ZZN4shop4Cart3payEiENKUliE_clEi", "shop::Cart::pay(int)::{lambda(int)#1}::operator()"},
        {"_ZN4shop4CartC1Ev", "shop::Cart::Cart"},
        {"_ZTV4Cart", "vtable for Cart"},
    };
    for (size_t i = 0; i < ARRAY_LEN(SYMBOLS); i++) {
        char name[256] = "";
        cr_expect(demangle(SYMBOLS[i].symbol, name, sizeof name), "%s", SYMBOLS[i].symbol);
        cr_expect_str_eq(name, SYMBOLS[i].name, "%s", name);
    }
}

Test(demangle, leaves_what_is_not_mangled)
{
    static const char *const symbols[] = {"",
                                          "main",
                                          "_Z",
                                          "_ZN",
                                          "_ZN4shop",
                                          "_ZN99shop3payE",
                                          "_RNvC4shop3pay",
                                          "_start",
                                          "_ZN17h2e421f5eb3a40a3d",
                                          "_ZN1r17h2e421f5eb3a40a3dX"};
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        char name[256] = "as it was";
        cr_expect_not(demangle(symbols[i], name, sizeof name), "%s: %s", symbols[i], name);
        cr_expect_str_eq(name, "as it was");
    }
    char small[8] = "small";
    cr_expect_not(demangle("_ZN1r4shop5Order3pay17h2e421f5eb3a40a3dE", small, sizeof small));
    cr_expect_str_eq(small, "small");
}

Test(demangle, takes_any_bytes)
{
    static const char symbol[] =
        "_ZN59_$LT$std..net..tcp..TcpStream$u20$as$u20$std..io..Write$GT$5write17h0123456789abcdefE";
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char bad[sizeof symbol], name[256];
        memcpy(bad, symbol, sizeof symbol);
        for (size_t changes = 1 + random_below(&seed, 4); changes > 0; changes--)
            bad[3 + random_below(&seed, sizeof symbol - 4)] = (char)random_below(&seed, 256);
        if (demangle(bad, name, sizeof name))
            cr_assert_lt(strlen(name), sizeof name);
    }
}
