# install.mk - what `make install` installs and how; Debian packages; and the tests of both. Included by the Makefile.
#
# Distributions give libdir and so on by themselves: make install PREFIX=/usr libdir=/usr/lib/x86_64-linux-gnu DESTDIR=..

bindir     := $(PREFIX)/bin
libdir     := $(PREFIX)/lib
includedir := $(PREFIX)/include
mandir     := $(PREFIX)/share/man
docdir     := $(PREFIX)/share/doc/thalweg
modeldir   := $(PREFIX)/share/thalweg/models
cmakedir    = $(libdir)/cmake/Thalweg
NAMES      := thalweg thalweg_f64
PROGRAMS   := $(filter-out $(BUILD)/first,$(EXAMPLES))
MANPAGES   := $(PROGRAMS:$(BUILD)/%=$(BUILD)/man/%.1)
DOCS       := README.md LICENSE $(wildcard docs/*.md docs/*/*.md docs/*/*.png)
HEADERS    := $(wildcard include/thalweg/*.h)
MODELS     := $(wildcard models/*)
PCFILES    := $(NAMES:%=$(BUILD)/%.pc)
CMAKEFILES := $(BUILD)/cmake/ThalwegConfig.cmake $(BUILD)/cmake/ThalwegConfigVersion.cmake
INSTALLED   = $(HEADERS:include/%=$(includedir)/%) $(PROGRAMS:$(BUILD)/%=$(bindir)/%) $(DOCS:%=$(docdir)/%) \
              $(MANPAGES:$(BUILD)/man/%=$(mandir)/man1/%) $(MODELS:models/%=$(modeldir)/%) \
              $(CMAKEFILES:$(BUILD)/cmake/%=$(cmakedir)/%) $(PCFILES:$(BUILD)/%=$(libdir)/pkgconfig/%) \
              $(foreach n,$(NAMES),$(addprefix $(libdir)/lib$(n),.a .so .so.$(SOMAJOR) .so.$(VERSION)))

.PHONY: man install uninstall symbols deb test-installed test-deb

# ---- what is made for it alone -------------------------------------------------------------------------
# A program that is linked with the shared library needs the library; the rest is for linking with the archive.
# The CMake files find the headers from where they lie themselves, so the tree may be moved.
space    := $() $()
to_prefix = $(subst $(space),/,$(patsubst %,..,$(subst /, ,$(patsubst $(PREFIX)/%,%,$(cmakedir)))))
FILLED_IN = -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(libdir))|' \
            -e 's|@INCLUDEDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(includedir))|' -e 's|@NAME@|$(basename $(@F))|' \
            -e 's|@VERSION@|$(VERSION)|' -e 's|@SOMAJOR@|$(SOMAJOR)|' -e 's|@CFLAGS@|$(EXTRA_CFLAGS)|' \
            -e 's|@LIBS@|$(TW_LIBS) -pthread|' -e 's|@TO_PREFIX@|$(to_prefix)|' -e 's|@FROM_PREFIX@|$(patsubst $(PREFIX)/%,%,$(includedir))|'
$(BUILD)/thalweg_f64.pc: EXTRA_CFLAGS = -DTW_DOUBLE
$(PCFILES): $(BUILD)/%.pc: thalweg.pc.in $(BUILD)/flags FORCE
	@rm -f $@; sed $(FILLED_IN) $< >$@
$(CMAKEFILES): $(BUILD)/cmake/%: tools/cmake/%.in $(BUILD)/flags FORCE
	@mkdir -p $(@D); rm -f $@; sed $(FILLED_IN) $< >$@

# A manual page is what the program says of itself, so it cannot be of another version.
man: $(MANPAGES) ## the programs' manual pages, from their --help: man -l build/man/crnn_ocr.1
$(MANPAGES): $(BUILD)/man/%.1: $(BUILD)/% tools/man.sh
	@mkdir -p $(@D)
	$(call say,MAN)if $< --version >/dev/null 2>&1 || [ $$? -ne 126 ]; then tools/man.sh $< $(PROGRAMS) >$@; \
	    else echo '$@: left empty: $< is for another machine' >&2; : >$@; fi

# Made with the rest, so that `sudo make install` leaves no folder behind that only root can write to.
all: man $(PCFILES) $(CMAKEFILES)

# ---- installing ----------------------------------------------------------------------------------------
install: all ## into PREFIX (/usr/local), below DESTDIR
	install -d $(addprefix $(DESTDIR),$(bindir) $(libdir)/pkgconfig $(cmakedir) $(includedir)/thalweg $(mandir)/man1 $(modeldir))
	install -m 644 $(HEADERS) $(DESTDIR)$(includedir)/thalweg
	install -m 755 $(PROGRAMS) $(DESTDIR)$(bindir)
	for f in $(DOCS); do install -D -m 644 $$f $(DESTDIR)$(docdir)/$$f || exit; done
	install -m 644 $(MANPAGES) $(DESTDIR)$(mandir)/man1
	install -m 644 $(MODELS) $(DESTDIR)$(modeldir)
	install -m 644 $(LIB32) $(LIB64) $(DESTDIR)$(libdir)
	install -m 644 $(PCFILES) $(DESTDIR)$(libdir)/pkgconfig
	install -m 644 $(CMAKEFILES) $(DESTDIR)$(cmakedir)
	for n in $(NAMES); do \
	    install -m 755 $(BUILD)/lib$$n.so $(DESTDIR)$(libdir)/lib$$n.so.$(VERSION) && \
	    ln -sf lib$$n.so.$(VERSION) $(DESTDIR)$(libdir)/lib$$n.so.$(SOMAJOR) && \
	    ln -sf lib$$n.so.$(SOMAJOR) $(DESTDIR)$(libdir)/lib$$n.so || exit; done
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi # so that programs find the new library
uninstall: ## removes what install installed
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	@for d in $(addprefix $(DESTDIR),$(includedir)/thalweg $(docdir) $(cmakedir) $(PREFIX)/share/thalweg); do \
	    [ ! -d $$d ] || find $$d -depth -type d -empty -delete; done

# ---- symbols, packages, tests --------------------------------------------------------------------------
symbols: lib ## writes tools/symbols.txt again: what the libraries export
	@tools/symbols.sh write $(BUILD)
deb: all ## Debian packages: build/deb/*.deb
	@tools/deb.sh $(BUILD)/deb
test-installed: test-deb ## are the installed library, programs and packages enough to work with
	@CC='$(CC)' MAKE='$(MAKE)' tools/test-install.sh BUILD=$(BUILD)
test-deb: deb ## the same for the packages alone, in a clean root
	@tools/test-deb.sh $(BUILD)/deb
